/** The npm package's entry: all imports on a page share one `spyglass`. */
import { createSpyglass, type Spyglass } from './client.js';

export type { ReportOptions, Spyglass } from './client.js';
export type { InitOptions, MaskInputs, User } from './options.js';

export const spyglass: Spyglass = createSpyglass();
