/** The version in package.json. */
import { readFileSync } from 'node:fs';

/** Relative to the compiled file, `dist/src/domain/version.js`. */
const PACKAGE = new URL('../../../package.json', import.meta.url);

export const VERSION = (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
