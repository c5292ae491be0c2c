/**
 * Bundles the SDK: `sdk/dist/` is the npm package's code, `dist/public/sdk/` what a collector serves under `/sdk/`.
 * With `--types`, the declarations that the compiler left in `dist/sdk/src` are put into the package too.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minify } from 'terser';
import { withoutCanvas } from './without-canvas.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(HERE);
const PACKAGE = join(HERE, 'dist');
const SERVED = join(ROOT, 'dist/public/sdk');

/** What both builds share. */
const SHARED = {
  absWorkingDir: HERE,
  bundle: true,
  format: 'esm',
  target: 'es2020',
  minify: true,
  splitting: true,
  legalComments: 'none',
  logLevel: 'warning',
  chunkNames: '[name]-[hash]',
  plugins: [withoutCanvas],
  // A helper for them would be code that the script and its chunks share; only vitals and replay need them, and
  // a browser of 2020 that does not know them goes without those two.
  supported: { 'class-field': true },
};

if (process.argv.includes('--types')) {
  // A declaration is all a reader needs; what is compiled beside it is for the tests.
  cpSync(join(ROOT, 'dist/sdk/src'), join(PACKAGE, 'types'), {
    recursive: true,
    filter: (path) => !/\.(js|map)$/.test(path),
  });
} else {
  await Promise.all([buildPackage(), buildServed()]);
}

async function buildPackage() {
  rmSync(PACKAGE, { recursive: true, force: true });
  const entry = (name, path) => ({ out: name, in: `src/${path}` });
  await bundle({
    outdir: PACKAGE,
    entryPoints: [
      entry('index', 'index.ts'),
      entry('react', 'react/index.tsx'),
      entry('next', 'next/index.tsx'),
    ],
    external: ['react', 'next'],
  });
  // Nobody waits for it to arrive, and somebody may want to read it.
  await build({
    ...SHARED,
    outdir: PACKAGE,
    entryPoints: [entry('node', 'node/index.ts')],
    platform: 'node',
    target: 'node20',
    minify: false,
  });
}

async function buildServed() {
  rmSync(SERVED, { recursive: true, force: true });
  await bundle({
    outdir: SERVED,
    entryPoints: [{ out: 'spyglass', in: 'src/script.ts' }],
    finish: (file, text) => (file === 'spyglass.js' ? asClassicScript(text) : text),
  });
}

/** Bundles for browsers, as small as can be; each file passes `finish` before it is minified for the last time. */
async function bundle({ finish = (_file, text) => text, ...options }) {
  const { outputFiles } = await build({
    ...SHARED,
    ...options,
    write: false,
  });
  mkdirSync(options.outdir, { recursive: true });
  for (const { path, text } of outputFiles) {
    const file = basename(path);
    const { code } = await minify(finish(file, text), {
      ecma: 2020,
      module: file !== 'spyglass.js',
      // `'use client'` is one that terser does not know.
      compress: { passes: 6, directives: false, unsafe_arrows: true, pure_getters: true },
    });
    writeFileSync(path, code);
  }
}

/**
 * The script tag is a classic script, so that it can read its own attributes. As such its names must not become the
 * page's, and it must not import by relative paths: those fail in a script of another origin.
 */
function asClassicScript(module) {
  if (/\b(import\s*["'{*]|export\s*\{)/.test(module)) {
    throw new Error('The script shares code with a chunk: a classic script cannot import that.');
  }
  const loading = module.replaceAll(/\bimport\("\.\//g, 'import(SPYGLASS_FROM+"');
  return `(()=>{const SPYGLASS_FROM=new URL(".",document.currentScript.src).href;${loading.trim()}})();\n`;
}
