/** Holds the list of the API's promises against the tests: every promise has a test, every test a promise. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';

const FOLDER = join(process.cwd(), 'test/api');

/** The ids of `CONTRACT.md`, each under the file its heading names. */
async function promises(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let file = '';
  for (const line of (await readFile(join(FOLDER, 'CONTRACT.md'), 'utf8')).split('\n')) {
    file = /^## (\S+\.test\.ts)$/.exec(line)?.[1] ?? file;
    const id = /^- ([A-Z]{3}-\d\d) \S/.exec(line)?.[1];
    if (id === undefined) continue;
    if (found.has(id)) throw new Error(`${id} stands twice in CONTRACT.md`);
    found.set(id, file);
  }
  return found;
}

/** The ids test names begin with, each with the files that have such a test. */
async function tested(): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for (const file of await readdir(FOLDER)) {
    if (!file.endsWith('.test.ts')) continue;
    const source = await readFile(join(FOLDER, file), 'utf8');
    for (const [, ids = ''] of source.matchAll(/\.test\(\s*['"`]((?:[A-Z]{3}-\d\d )+)/g)) {
      for (const id of ids.trim().split(' ')) found.set(id, (found.get(id) ?? new Set()).add(file));
    }
  }
  return found;
}

t.test('every promise has a test in its file, and every test a promise', async (t) => {
  const [listed, named] = [await promises(), await tested()];
  t.ok(listed.size > 200, 'the list was read');
  t.same(
    [...listed].filter(([id, file]) => !named.get(id)?.has(file)).map(([id, file]) => `${id} in ${file}`),
    [],
    'promises without a test',
  );
  t.same(
    [...named.keys()].filter((id) => !listed.has(id)),
    [],
    'tests of promises nobody listed',
  );
});
