/** Which version this is, from the one place that says so: `package.json`. */
import { readFileSync } from 'node:fs';

/** The version of the package this code was compiled in. */
export function packageVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
