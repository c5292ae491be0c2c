/** The script tag's entry: starts with the tag's `data-` attributes and defines `window.spyglass`. */
import { createSpyglass, type Spyglass } from './client.js';
import { fromAttributes, type Given, type InitOptions } from './options.js';

/** The URL of this script's folder; the build inserts it. */
declare const SPYGLASS_FROM: string;

declare global {
  interface Window {
    spyglass: Spyglass;
  }
}

const { nonce, dataset } = document.currentScript as HTMLScriptElement;
const said: Given<InitOptions> = {
  // The collector that served `/sdk/spyglass.js`.
  endpoint: `${SPYGLASS_FROM}..`,
  nonce,
  ...fromAttributes(dataset),
};
const spyglass = createSpyglass();
const init = (options?: Given<InitOptions>) => spyglass.init({ ...said, ...options } as InitOptions);
// Two tags capture once.
window.spyglass ??= { ...spyglass, init };
// A page that learns its user later calls `init` itself.
if (said.user) window.spyglass.init(said as InitOptions);
