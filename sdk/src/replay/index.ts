/** Session replay: the recorder, loaded only when it is on. */
import type { Part } from '../seam.js';

export const startReplay: Part = () => {};
