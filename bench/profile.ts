/** Profiles the collector under full ingest: one `.cpuprofile` per thread, and the functions that took most time. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { startSpyglass } from './servers.js';
import { openLoader } from './wrk.js';

const LOAD_S = 10;
const LINES = 12;

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

export async function profileIngest(folder: string, into: string): Promise<string> {
  const home = mkdtempSync(join(folder, 'profile-'));
  const profiles = resolve(into);
  rmSync(profiles, { recursive: true, force: true });
  mkdirSync(profiles, { recursive: true });
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const server = await startSpyglass({ dataDir: join(home, 'data'), folder: home, nodeArgs });
  const loader = await openLoader(home, { connections: 32, eventsABody: 20 });
  await loader.load(server.url, LOAD_S);
  await server.stop();
  const files = readdirSync(profiles).filter((name) => name.endsWith('.cpuprofile'));
  return files.map((name) => `${name}\n${topLines(join(profiles, name))}`).join('\n\n');
}

function topLines(path: string): string {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName || '(anonymous)'} ${url === '' ? '' : `${basename(url)}:${lineNumber + 1}`}`,
    ]),
  );
  const selfUs = new Map<string, number>();
  let total = 0;
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '';
    if (name.startsWith('(idle)')) return;
    const took = timeDeltas[index] ?? 0;
    total += took;
    selfUs.set(name, (selfUs.get(name) ?? 0) + took);
  });
  return [...selfUs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, LINES)
    .map(([name, took]) => `  ${((took / total) * 100).toFixed(1).padStart(5)} %  ${name}`)
    .join('\n');
}
