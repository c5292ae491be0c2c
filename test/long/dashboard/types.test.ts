/** The dashboard knows the API by its definitions: a field that is renamed there is an error here, wherever it is read. */
import { join } from 'node:path';
import t from 'tap';
import ts from 'typescript';

t.setTimeout(600_000);

const ROOT = process.cwd();
const VIEWS = join(ROOT, 'dashboard/src/views/');

/** In a file of `src/questions`: what is renamed, and the views that read it. */
const RENAMED = [
  { file: 'users.ts', name: 'email', definition: 'email: z', views: ['users/user.tsx', 'users/users.tsx'] },
  { file: 'aggregates.ts', name: 'dau', definition: 'dau: c', views: ['insights/insights.tsx'] },
  { file: 'incident.ts', name: 'next_id', definition: 'next_id: s', views: ['incident/incident.tsx'] },
  { file: 'funnel.ts', name: 'steps', definition: 'steps: c', views: ['insights/funnel.tsx'] },
  {
    ...{ file: 'sessions.ts', name: 'chunk_count', definition: 'chunk_count: c' },
    views: ['replay/replay-list.tsx', 'users/user.tsx'],
  },
  { file: 'activity.ts', name: 'user', definition: 'user: i', views: ['users/user.tsx'] },
];

/** What the compiler says of the dashboard where all of it is renamed, and nothing else. */
function problems(): readonly ts.Diagnostic[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(ROOT, 'dashboard/tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  if (config === undefined) throw new Error('there is no configuration');
  const host = ts.createCompilerHost(config.options);
  const { readFile } = host;
  host.readFile = (path) => {
    const text = readFile(path);
    const renamed = RENAMED.find(({ file }) => path === join(ROOT, 'src/questions', file));
    return renamed ? text?.replace(renamed.definition, `renamed_${renamed.definition}`) : text;
  };
  const program = ts.createProgram(config.fileNames, config.options, host);
  return program
    .getSourceFiles()
    .flatMap((file) => (file.fileName.startsWith(VIEWS) ? program.getSemanticDiagnostics(file) : []));
}

const found = problems();

for (const { file, name, views } of RENAMED) {
  t.test(`${name} renamed in ${file} is an error of the views that read it`, async (t) => {
    const its = found.filter(({ messageText }) =>
      ts.flattenDiagnosticMessageText(messageText, '\n').includes(`'${name}'`),
    );
    const places = its.map((problem) => problem.file?.fileName.slice(VIEWS.length));
    t.same([...new Set(places)].sort(), views);
  });
}

t.test('and nothing else is an error', async (t) => {
  const places = found.map((problem) => problem.file?.fileName.slice(VIEWS.length));
  t.same([...new Set(places)].sort(), [...new Set(RENAMED.flatMap(({ views }) => views))].sort());
});
