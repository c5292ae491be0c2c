/**
 * Stores as released formats wrote them, each in a file with what it answered then: `test/fixtures/store-format-N.json.gz`.
 *
 * A fixture is made once, by the release whose format it is (`make-fixture.ts`), and never again.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { answersOf } from '../support/answers.js';
import { filesUnder } from '../support/files.js';

export interface StoreFixture {
  /** Of the data folder: path → bytes in base64. */
  files: Record<string, string>;
  /** Path of the API → answer. */
  answers: Record<string, unknown>;
}

export const APPS = {
  shop: { key: 'sg_live_fixture_shop', origins: [] },
  desk: { key: 'sg_live_fixture_desk', origins: [] },
};

/** From the root, where tests run. */
export const fixturePath = (format: number): string =>
  join('test/fixtures', `store-format-${format}.json.gz`);

export const hasFixture = (format: number): boolean => existsSync(fixturePath(format));

/** Saves a data folder, and what is answered on a copy of it. */
export async function saveFixture(
  format: number,
  dataDir: string,
  copy: string,
  paths: readonly string[],
): Promise<void> {
  const files: StoreFixture['files'] = {};
  for (const path of await filesUnder(dataDir)) {
    const name = path.slice(dataDir.length + 1);
    if (!name.endsWith('-lock')) files[name] = readFileSync(path).toString('base64');
  }
  const fixture: StoreFixture = { files, answers: withoutGroups(await answersOf(copy, paths, APPS)) };
  mkdirSync(dirname(fixturePath(format)), { recursive: true });
  writeFileSync(fixturePath(format), gzipSync(JSON.stringify(fixture), { level: 9 }), { flag: 'wx' });
}

/** Unpacks a fixture's data folder; returns what it answered when it was made. */
export function unpackFixture(format: number, dataDir: string): StoreFixture['answers'] {
  const { files, answers } = JSON.parse(
    gunzipSync(readFileSync(fixturePath(format))).toString('utf8'),
  ) as StoreFixture;
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(dataDir, name)), { recursive: true });
    writeFileSync(join(dataDir, name), Buffer.from(bytes, 'base64'));
  }
  return answers;
}

/** Answers without the ids of error groups, which a release may make otherwise. */
export const withoutGroups = (answers: StoreFixture['answers']): StoreFixture['answers'] =>
  JSON.parse(JSON.stringify(answers), (key, value) => (key === 'group' ? undefined : value));
