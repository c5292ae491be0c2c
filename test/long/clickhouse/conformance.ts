/** Runs the API's own test files on collectors over ClickHouse, and holds their outcome against the list of differences. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../../support/clickhouse/chdb.js';
import { DIFFERENCES } from './differences.js';

const API = fileURLToPath(new URL('../../api/', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../../../test/api/', import.meta.url));

export interface Outcome {
  file: string;
  passed: string[];
  failed: string[];
  skipped: string[];
  /** All the file wrote, when it broke off or anything failed. */
  output: string;
  code: number | null;
}

/** The API's test files, as their sources are named: `dist` may hold some of sources long gone. */
export function contractFiles(): string[] {
  return readdirSync(SOURCES).filter((name) => name.endsWith('.test.ts'));
}

/** Runs one of them in a Node of its own, as `npm test` does, but on an engine. */
export async function runOn(engine: Engine & { urls?: readonly string[] }, file: string): Promise<Outcome> {
  const child = spawn(process.execPath, [API + file.replace(/\.ts$/, '.js')], {
    env: {
      ...process.env,
      TAP: '1',
      TAP_TIMEOUT: '600',
      SPYGLASS_TEST_CLICKHOUSE_URL: (engine.urls ?? [engine.url]).join(','),
      ...(engine.cluster === undefined ? {} : { SPYGLASS_TEST_CLICKHOUSE_CLUSTER: engine.cluster }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const tests = Array.from(output.matchAll(/^(not )?ok \d+ - (.*?)(?: # (?:time=\S+|(SKIP|TODO).*))?$/gm));
  const named = (pick: (bad: string | undefined, mark: string | undefined) => boolean) =>
    tests.filter(([, bad, , mark]) => pick(bad, mark)).map(([, , name = '']) => name);
  return {
    file,
    passed: named((bad, mark) => bad === undefined && mark === undefined),
    failed: named((bad, mark) => bad !== undefined && mark === undefined),
    skipped: named((_, mark) => mark !== undefined),
    output,
    code,
  };
}

/** What is wrong with an outcome: failures and skips nobody listed, listed differences that are none, a file that broke off. */
export function complaints({ file, passed, failed, skipped, code }: Outcome): string[] {
  const listed = DIFFERENCES.filter((difference) => difference.file === file).map(({ test }) => test);
  const brokeOff = passed.length + failed.length === 0 || (code !== 0 && failed.length === 0);
  return [
    ...(brokeOff ? [`broke off with ${code}`] : []),
    ...failed.filter((test) => !listed.includes(test)).map((test) => `fails: ${test}`),
    ...skipped.map((test) => `is skipped: ${test}`),
    ...listed
      .filter((test) => !failed.includes(test))
      .map((test) => `is listed as a difference, but passes or is gone: ${test}`),
  ];
}
