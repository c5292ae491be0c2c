/** What a first load of the dashboard costs: the scripts that the page names, and all that those name in turn. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const FOLDER = join(import.meta.dirname, '../../dashboard');
/** KB of 1,000 bytes, gzipped. */
const SCRIPT_KB_MAX = 75;
const STYLES_KB_MAX = 15;

const asset = (name: string, encoding: 'utf8' | null) => readFileSync(join(FOLDER, 'assets', name), encoding);
const zippedKb = (name: string): number => asset(`${name}.gz`, null).length / 1_000;
const page = readFileSync(join(FOLDER, 'index.html'), 'utf8');

/** The scripts that are there before anything is drawn: an `import()` is not among them. */
function firstScripts(): Set<string> {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, next = ''] of String(asset(name, 'utf8')).matchAll(
      /(?:from|import)\s*"\/assets\/([^"]+\.js)"/g,
    ))
      visit(next);
  };
  for (const [, name = ''] of page.matchAll(/src="\/assets\/([^"]+\.js)"/g)) visit(name);
  return found;
}

t.test('the first load keeps within its budget, the player apart', async (t) => {
  const scripts = firstScripts();
  const kb = [...scripts].reduce((sum, name) => sum + zippedKb(name), 0);
  t.comment(`${kb.toFixed(1)} KB of script in ${scripts.size} files`);
  t.ok(kb > 10, 'the scripts were found');
  t.ok(kb <= SCRIPT_KB_MAX, `${kb.toFixed(1)} KB`);
  const [, styles = ''] = /href="\/assets\/([^"]+\.css)"/.exec(page) ?? [];
  t.ok(zippedKb(styles) <= STYLES_KB_MAX, `${zippedKb(styles).toFixed(1)} KB of styles`);
});

t.test('no script of the first load waits for another to name it', async (t) => {
  const named = new Set([...page.matchAll(/"\/assets\/([^"]+\.js)"/g)].map(([, name]) => name));
  for (const name of firstScripts()) t.ok(named.has(name), name);
});
