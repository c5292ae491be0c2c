/** Automatic capture: everything that is recorded without the app asking for it. */
import type { Part } from '../seam.js';

export const startAuto: Part = () => {};
