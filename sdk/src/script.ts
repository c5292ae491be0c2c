/** The script tag's entry: starts from the tag's `data-` attributes and puts `spyglass` on `window`. */
import { createSpyglass, type Spyglass } from './client.js';

declare global {
  interface Window {
    spyglass: Spyglass;
  }
}

window.spyglass = createSpyglass();
