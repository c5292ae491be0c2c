/** The version of this spyglass, as its package.json has it. */
import { readFileSync } from 'node:fs';

/** Found from the compiled file: `dist/src/version.js`. */
const PACKAGE = new URL('../../../package.json', import.meta.url);

export const VERSION = (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
