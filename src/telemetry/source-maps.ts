/**
 * Makes stacks name the sources' lines; each thread has to import it. Node's own `--enable-source-maps` reads
 * the map of every module that is loaded, which slows a start; here a map is read when a stack that names its
 * file is read.
 */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Where the compiler writes, seen from this file's own compiled place. */
const COMPILED = new URL('../../', import.meta.url).href;

const maps = new Map<string, SourceMap | undefined>();

Error.prepareStackTrace = (error, sites) => {
  const lines = sites.map((site) => `\n    at ${site}`);
  return `${headOf(error)}${lines.map(toSource).join('')}`;
};

/** As V8 writes it; an error whose `toString` throws must not throw when its stack is read. */
function headOf(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return 'Error';
  }
}

function toSource(line: string): string {
  const start = line.indexOf(COMPILED);
  const [, file = '', row, column] = /^(.*?\.js):(\d+):(\d+)/.exec(start < 0 ? '' : line.slice(start)) ?? [];
  const entry = file && mapOf(file)?.findEntry(Number(row) - 1, Number(column) - 1);
  if (!entry || !('originalSource' in entry)) return line;
  const place = `${new URL(entry.originalSource, file).href}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  return line.replace(`${file}:${row}:${column}`, place);
}

function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) maps.set(file, readMap(`${fileURLToPath(file)}.map`));
  return maps.get(file);
}

function readMap(path: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
