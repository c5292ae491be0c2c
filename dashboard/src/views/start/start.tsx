/** The first start: what to paste into an app. The live view takes over as soon as the first event arrives. */
export function Start() {
  return <div class="page">Start</div>;
}
