/** The script tag's entry: starts from the tag's `data-` attributes and puts `spyglass` on `window`. */
import { createSpyglass, type Spyglass } from './client.js';
import { fromAttributes, type Given, type InitOptions } from './options.js';

/** The address of the folder that this script came from, put in by the build. */
declare const SPYGLASS_FROM: string;

declare global {
  interface Window {
    spyglass: Spyglass;
  }
}

const { nonce, dataset } = document.currentScript as HTMLScriptElement;
const said: Given<InitOptions> = {
  // The collector that served this file, as `/sdk/spyglass.js`, is the one to send to.
  endpoint: `${SPYGLASS_FROM}..`,
  nonce,
  ...fromAttributes(dataset),
};
const spyglass = createSpyglass();
const init = (options?: Given<InitOptions>) => spyglass.init({ ...said, ...options } as InitOptions);
// A tag that is there twice captures once.
window.spyglass ??= { ...spyglass, init };
// A page that learns later who is there calls `init` itself.
if (said.user) window.spyglass.init(said as InitOptions);
