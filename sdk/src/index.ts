/** The npm package's entry: one `spyglass` a page, which every import of the package shares. */
import { createSpyglass, type Spyglass } from './client.js';

export type { ReportOptions, Spyglass } from './client.js';
export type { InitOptions, MaskInputs, User } from './options.js';

export const spyglass: Spyglass = createSpyglass();
