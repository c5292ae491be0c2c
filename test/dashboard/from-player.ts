/** Modules of the player for tests that need no browser: the dashboard's sources are no part of what is compiled. */
import { build } from 'esbuild';

export async function fromPlayer<T>(file: string): Promise<T> {
  const { outputFiles } = await build({
    ...{ entryPoints: [`dashboard/src/player/${file}`], bundle: true, format: 'esm', write: false },
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? '').toString('base64');
  return (await import(`data:text/javascript;base64,${code}`)) as T;
}
