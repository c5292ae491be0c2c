/** A stack trace, a line for each frame; the app's own frames stand out. */

interface Frame {
  call: string;
  /** File, line and column. */
  place: string;
  /** Of a library or the browser. */
  foreign: boolean;
}

const FRAMES_MAX = 60;
const ORIGIN = /https?:\/\/[^/\s)]*/g;

export function Stack({ text }: { text: string }) {
  const frames = framesOf(text);
  if (frames.length === 0) return <pre class="stack-raw">{text}</pre>;
  return (
    <ol class="stack" aria-label="Stack, innermost call first">
      {frames.slice(0, FRAMES_MAX).map(({ call, place, foreign }, index) => (
        <li key={index} class={foreign ? 'frame foreign' : 'frame'}>
          <code class="frame-call">{call === '' ? '(anonymous)' : call}</code>
          <code class="frame-place">{place}</code>
        </li>
      ))}
    </ol>
  );
}

/** Reads Chromium's `at call (place)`, and the `call@place` of Firefox and Safari; drops other lines. */
function framesOf(text: string): Frame[] {
  return text.split('\n').flatMap((line): Frame[] => {
    const trimmed = line.trim().replace(ORIGIN, '');
    if (trimmed.startsWith('at ')) {
      const rest = trimmed.slice(3);
      const open = rest.lastIndexOf(' (');
      const [call, place] =
        open > 0 && rest.endsWith(')') ? [rest.slice(0, open), rest.slice(open + 2, -1)] : ['', rest];
      return [frame(call, place)];
    }
    const at = trimmed.lastIndexOf('@');
    return at >= 0 && /:\d+$/.test(trimmed) ? [frame(trimmed.slice(0, at), trimmed.slice(at + 1))] : [];
  });
}

const frame = (call: string, place: string): Frame => ({
  call,
  place,
  foreign: /node_modules|^<|\[native code\]/.test(place),
});
