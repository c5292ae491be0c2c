/**
 * SIGKILL at random moments, over and over, of a collector that does everything at once; after each, an audit.
 *
 * A cycle: 1. the collector runs under a mixed load, at times with a sweep, an erasure or a backup under way; 2. it is
 * killed; 3. at times a rebuild follows and is killed, or a start is; 4. it starts again, and the store is held against
 * what its clients know. The seed settles what is done when, not which instruction a signal hits.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../model/random.js';
import { type ChildCollector, spawnCollector, writeConfig } from '../support/collector.js';
import { MAIN } from '../support/command.js';
import { assertBackup, assertKept, assertWhole, type Holdings, holdingsOf } from './audit.js';
import { type MixedLoad, startMixedLoad } from './mixed-load.js';

/** A store is thrown away after so many cycles: an audit reads all of it. */
const CYCLES_A_STORE = 40;
const POLL_MS = 5;
const RUN_MS_MAX = 300;
const START_MS_MAX = 600;
const REBUILD_MS_MAX = 500;
const BACKUP_MS_MAX = 600;
/** Retention of a store's first sweep; each further one keeps fewer days. */
const EVENTS_DAYS = 20;

export interface TortureOptions {
  cycles: number;
  seed: number;
  /** Hears of every cycle. */
  say: (line: string) => void;
}

/** How often each thing was done, and how much was stored. */
export type TortureReport = Record<
  'kills' | 'sweeps' | 'erasures' | 'backups' | 'rebuilds' | 'starts' | 'events' | 'requests' | 'retries',
  number
>;

/** Throws an assertion error that names the cycle and what is not as it was acknowledged. */
export async function torture({ cycles, seed, say }: TortureOptions): Promise<TortureReport> {
  const random = createRandom(seed);
  const report: TortureReport = {
    kills: 0,
    sweeps: 0,
    erasures: 0,
    backups: 0,
    rebuilds: 0,
    starts: 0,
    events: 0,
    requests: 0,
    retries: 0,
  };
  for (let from = 0; from < cycles; from += CYCLES_A_STORE) {
    await tortureStore(from, Math.min(cycles, from + CYCLES_A_STORE), random, report, say);
  }
  return report;
}

async function tortureStore(
  from: number,
  to: number,
  random: Random,
  report: TortureReport,
  say: TortureOptions['say'],
): Promise<void> {
  const collector = await spawnCollector();
  // With draws of its own: how many it makes depends on the machine.
  const load = startMixedLoad(() => collector.url, createRandom(random.below(2 ** 30)));
  let isWell = false;
  try {
    for (let cycle = from; cycle < to; cycle++) {
      try {
        const before = { ...report };
        const backup = await liveAndDie(collector, load, random, report);
        const events = await audit(collector, load, backup);
        const did = (Object.keys(report) as (keyof TortureReport)[]).filter(
          (key) => report[key] > before[key],
        );
        say(`cycle ${cycle + 1}: ${did.join(', ')}; ${events} events`);
        if (cycle === to - 1) report.events += events;
      } catch (error) {
        throw new Error(`cycle ${cycle + 1}, data in ${collector.dataDir}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    isWell = true;
    report.requests += load.ledger.acknowledged;
    report.retries += load.ledger.retries;
  } finally {
    await load.stop();
    // What failed is left for whoever looks into it.
    if (isWell) await collector.close();
    else await collector.stop('SIGTERM');
  }
}

async function liveAndDie(
  collector: ChildCollector,
  load: MixedLoad,
  random: Random,
  report: TortureReport,
): Promise<Holdings | undefined> {
  load.resume();
  const { ledger } = load;
  const acknowledged = ledger.acknowledged;
  while (ledger.acknowledged < acknowledged + 5) await sleep(POLL_MS);
  if (random.oneIn(4)) {
    report.erasures++;
    load.erase();
  }
  const backup = random.oneIn(4) ? startBackup(collector, load, random) : undefined;
  await sleep(random.below(backup === undefined ? RUN_MS_MAX : BACKUP_MS_MAX));
  await collector.kill();
  report.kills++;
  if (random.oneIn(4)) {
    report.rebuilds++;
    await runAndKill(['rebuild', '--data', collector.dataDir], random.below(REBUILD_MS_MAX));
  }
  if (random.oneIn(4)) {
    report.sweeps++;
    collector.config.retention.events_days = Math.max(
      1,
      (collector.config.retention.events_days || EVENTS_DAYS + 1) - random.between(1, 3),
    );
    await writeConfig(collector.configFile, collector.config);
  }
  if (random.oneIn(4)) {
    report.starts++;
    await runAndKill(['serve', '--config', collector.configFile], random.below(START_MS_MAX));
  }
  if (backup) report.backups++;
  return backup?.end();
}

/** The store as its next collector finds it; returns how many events it holds. */
async function audit(
  collector: ChildCollector,
  load: MixedLoad,
  backup: Holdings | undefined,
): Promise<number> {
  await load.pause();
  await collector.restart();
  await assertWhole(collector.dataDir);
  const holdings = await holdingsOf(collector.dataDir);
  assertKept(holdings, load.ledger);
  for (const [name, id] of backup?.ids ?? []) {
    const now = holdings.ids.get(name) ?? id;
    assert.equal(now, id, `${name} is ${id} in a backup, and ${now} in the store`);
  }
  assert.deepEqual(load.ledger.surprises, []);
  return holdings.ids.size;
}

/** Backs the store up beside its collector; what became of it is a whole backup or none. */
function startBackup(
  collector: ChildCollector,
  load: MixedLoad,
  random: Random,
): { end(): Promise<Holdings | undefined> } {
  const target = join(dirname(collector.configFile), `backup-${random.below(2 ** 30)}`);
  const before = load.ledger.kept.filter(({ isAcknowledged }) => isAcknowledged);
  const isErasing = load.ledger.erasures.size;
  const child = run(['backup', target, '--data', collector.dataDir]);
  const isKilled = random.oneIn(3);
  const timer = isKilled
    ? setTimeout(() => child.process.kill('SIGKILL'), random.below(BACKUP_MS_MAX))
    : undefined;
  return {
    async end() {
      const code = await child.ended;
      clearTimeout(timer);
      if (!isKilled && load.ledger.erasures.size === isErasing && code !== 0)
        assert.match(child.said(), /the collector on .* stopped/);
      const holdings = existsSync(target) ? await assertBackup(target, before) : undefined;
      if (holdings === undefined) assert.notEqual(code, 0);
      const folder = dirname(target);
      for (const name of await readdir(folder)) {
        if (name.includes('backup-')) await rm(join(folder, name), { recursive: true });
      }
      return holdings;
    },
  };
}

interface Running {
  process: ChildProcess;
  ended: Promise<number | null>;
  said(): string;
}

function run(args: readonly string[]): Running {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return {
    process: child,
    ended: new Promise((resolve) => child.once('close', resolve)),
    said: () => text,
  };
}

/** Runs the command for so long; one that ends before must have ended well. */
async function runAndKill(args: readonly string[], ms: number): Promise<void> {
  const { process: child, ended, said } = run(args);
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const code = await ended;
  clearTimeout(timer);
  assert.ok(code === 0 || code === null, `${args[0]} ended with ${code}: ${said()}`);
}
