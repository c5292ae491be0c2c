/** The script tag's entry: starts from the tag's `data-` attributes and puts `spyglass` on `window`. */
import { createSpyglass, type Spyglass } from './client.js';
import { fromAttributes, type Given, type InitOptions } from './options.js';

declare global {
  interface Window {
    spyglass: Spyglass;
  }
}

const { currentScript } = document;
if (currentScript instanceof HTMLScriptElement) {
  const spyglass = createSpyglass();
  const said: Given<InitOptions> = {
    // The collector that served this file is the one to send to: its path is `/sdk/spyglass.js`.
    endpoint: new URL('..', currentScript.src).href,
    nonce: currentScript.nonce,
    ...fromAttributes(currentScript.dataset),
  };
  const init = (options: Given<InitOptions> = {}) => spyglass.init({ ...said, ...options } as InitOptions);
  window.spyglass = { ...spyglass, init };
  // A page that learns later who is there calls `init` itself.
  if (said.user) init();
}
