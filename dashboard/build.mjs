/** Builds the dashboard into `dist/dashboard`: hashed scripts and styles, each with its gzipped twin, and the page that names them. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

/** What the page names; everything else is loaded by these. `frame` is the page around a recording's own frame. */
const ENTRIES = {
  main: 'src/main.tsx',
  styles: 'src/styles/index.css',
  frame: 'src/styles/frame.css',
  icon: 'src/icon.svg',
};
const GZIP_LEVEL = 9;

/** Replaces whatever an earlier build left. Throws what esbuild has to say about the sources. */
export async function build(root) {
  const source = join(root, 'dashboard');
  const target = join(root, 'dist/dashboard');
  const { metafile, outputFiles } = await esbuild.build({
    absWorkingDir: source,
    entryPoints: ENTRIES,
    outdir: join(target, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    publicPath: '/assets',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.svg': 'copy' },
    define: { 'process.env.NODE_ENV': '"production"' },
    minify: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, 'assets'), { recursive: true });
  const names = namesOf(metafile);
  const isFrame = ({ path }) => basename(path) === names.frame;
  for (const { path, contents } of outputFiles.filter((file) => !isFrame(file))) {
    writeFileSync(path, contents);
    writeFileSync(`${path}.gz`, gzipSync(contents, { level: GZIP_LEVEL }));
  }
  // The frame's policy lets it load nothing, so its styles are within it.
  const inline = { frame: `<style>${outputFiles.find(isFrame).text.trim()}</style>` };
  const preloads = scriptsBehind(metafile, names.main).map(
    (name) => `<link rel="modulepreload" href="/assets/${name}">`,
  );
  for (const page of ['index.html', 'frame.html']) {
    const html = readFileSync(join(source, page), 'utf8');
    writeFileSync(
      join(target, page),
      html
        .replace('{preloads}', preloads.join('\n'))
        .replace(/\{(\w+)\}/g, (_, entry) => inline[entry] ?? `/assets/${names[entry]}`),
    );
  }
}

/** What a script needs before it runs, and would otherwise ask for only once it has arrived itself. */
function scriptsBehind({ outputs }, script) {
  const found = new Set();
  const visit = (path) => {
    for (const { path: next, kind } of outputs[path].imports) {
      if (kind !== 'import-statement' || found.has(next)) continue;
      found.add(next);
      visit(next);
    }
  };
  visit(Object.keys(outputs).find((path) => basename(path) === script));
  return [...found].map((path) => basename(path));
}

/** The hashed file name of each entry. */
function namesOf({ outputs }) {
  const entryOf = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [path, name]));
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([path, { entryPoint, inputs }]) => {
      const name = entryOf[entryPoint ?? Object.keys(inputs)[0]];
      return name === undefined ? [] : [[name, basename(path)]];
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build(dirname(import.meta.dirname)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
