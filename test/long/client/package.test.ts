/** `@spyglass/client` as it is published: packed, installed without a network, compiled against, and run as its README says. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import ts from 'typescript';
import { startCollector } from '../../support/collector.js';

t.setTimeout(600_000);

const ROOT = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'spyglass-client-'));
t.teardown(() => rmSync(folder, { recursive: true }));

const npm = (...args: string[]) => execFileSync('npm', args, { cwd: folder, encoding: 'utf8' });
writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
const [{ filename = '' } = {}] = JSON.parse(npm('pack', join(ROOT, 'client'), '--json')) as {
  filename?: string;
}[];
npm('install', '--offline', '--no-audit', '--no-fund', `./${filename}`);
const installed = join(folder, 'node_modules/@spyglass/client');

t.test('the package is sound, and nothing is installed but it', async (t) => {
  const publint = join(ROOT, 'node_modules/publint/src/cli.js');
  execFileSync(process.execPath, [publint, 'run', join(folder, filename), '--strict'], { stdio: 'pipe' });
  t.same(
    readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['@spyglass'],
  );
  const files = readdirSync(join(installed, 'dist'));
  for (const name of files) {
    const text = readFileSync(join(installed, 'dist', name), 'utf8');
    t.notMatch(text, /from '(?!\.\/[\w.]+')|import\(/, `${name} names nothing outside`);
    t.notMatch(text, /\bany\b(?=[;[])/, `${name} has types`);
  }
  t.ok(files.includes('index.js') && files.includes('types.d.ts'));
});

const USE = `
  import { createClient, ClientError, ProblemError, type Answers, type Event, type LiveMessage } from '@spyglass/client';
  const client = createClient({ url: 'http://localhost:7474' });
  const { steps } = await client.ask('funnel', { steps: 'a,b', from: 1 });
  export const counts: number[] = steps.map((step) => step.count);
  const event: Event = await client.ask('event', { id: 1 });
  export const plan: string | undefined = typeof event.props?.plan === 'string' ? event.props.plan : event.user?.email;
  for await (const { ts } of client.each('occurrences', { group: 'g' })) ts.toFixed();
  for await (const page of client.pages('events', {})) page.next_cursor?.trim();
  for await (const message of client.live({ type: 'error' }, { after: 0, signal: AbortSignal.timeout(1) }))
    if (message.kind === 'lost') message.error.status.toFixed();
  export const wrong = (error: unknown) => error instanceof ProblemError && error.errors.map(({ path }) => path);
  export type Said = LiveMessage['kind'] | keyof Answers;
  export const status = (error: ClientError): number => error.status;
  // @ts-expect-error no such question
  client.ask('funnels', {});
  // @ts-expect-error no such parameter
  client.ask('users', { form: 1 });
  // @ts-expect-error what is asked is not left out
  client.ask('replay', {});
  // @ts-expect-error no such field: the types are not any
  event.nam;
  // @ts-expect-error not in pages
  client.each('users', {});
`;

for (const [module, resolution, types] of [
  ['NodeNext', 'NodeNext', ['node']],
  ['ESNext', 'Bundler', []],
] as const) {
  t.test(`a strict file compiles against it with module resolution ${resolution}`, async (t) => {
    const file = join(folder, 'use.ts');
    writeFileSync(file, USE);
    const program = ts.createProgram([file], {
      ...{ strict: true, noEmit: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
      target: ts.ScriptTarget.ES2022,
      lib: types.length === 0 ? ['lib.es2022.d.ts', 'lib.dom.d.ts'] : ['lib.es2022.d.ts'],
      module: ts.ModuleKind[module],
      moduleResolution: ts.ModuleResolutionKind[resolution],
      // Node's own declarations lean on some that are not there; the package's have to stand alone.
      skipLibCheck: types.length > 0,
      types: [...types],
      typeRoots: [join(ROOT, 'node_modules/@types')],
    });
    const problems = ts.getPreEmitDiagnostics(program);
    t.same(
      problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
      [],
    );
  });
}

t.test('the example of the README runs', async (t) => {
  const password = 'open sesame';
  const collector = await startCollector({ auth: { dashboard_password: password } });
  t.teardown(collector.close);
  const event = (name: string, type = 'event') => ({ user_id: 'alice', session_id: 's', type, name });
  await collector.send([event('view'), event('pay'), event('Error: x', 'error')]);
  const [, code = ''] = /```js\n(.*?)```/s.exec(readFileSync(join(installed, 'README.md'), 'utf8')) ?? [];
  writeFileSync(join(folder, 'example.js'), code.replace('http://localhost:7474', collector.url));
  const child = spawn(process.execPath, ['example.js'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const sending = setInterval(() => void collector.send([event('more')]), 300);
  t.teardown(() => clearInterval(sending));
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.startsWith('now')) child.kill();
  }
  t.same(lines.slice(0, 3), ['view: 1, pay: 1', 'Error: x', 'true 404']);
  t.equal(lines[3], 'now: more');
});
