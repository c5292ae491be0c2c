/**
 * Fuzzing by cost: what a made-up input costs, against what an ordinary one of the same size costs. Costs are processor time of
 * the process, and memory that the outcome keeps. A subject is one way in: add yours to the tests' lists.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Ordinary costs vary: with the text, with the garbage of the run before, with the machine. */
export const TIMES_MAX = 20;
/** Below this nothing can be told from noise. */
const CPU_US_MIN = 2_000;
const BYTES_MIN = 1_048_576;
const RUNS = 3;

export interface Sent {
  /** What it is, for the one who reads the failure. */
  label: string;
  /** The size that it is compared by. */
  bytes: number;
  /** Its costs are the whole process's, so it may be work of other threads. */
  work: () => unknown;
}

export interface Subject {
  name: string;
  /** An ordinary input of about this size. */
  ordinary: (bytes: number) => Sent;
  /** The input of a seed: the same one every time. */
  hostile: (seed: number) => Sent;
}

export interface Cost {
  label: string;
  cpuUs: number;
  heldBytes: number;
  /** How many times the ordinary one's. */
  cpuTimes: number;
  memoryTimes: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** The median of some runs; the memory that the last outcome holds. */
async function measure(work: () => unknown): Promise<Measured> {
  const times: number[] = [];
  collectGarbage();
  const before = process.memoryUsage();
  let outcome: unknown;
  for (let run = 0; run < RUNS; run++) {
    const start = process.cpuUsage();
    outcome = await work();
    const { user, system } = process.cpuUsage(start);
    times.push(user + system);
  }
  collectGarbage();
  const after = process.memoryUsage();
  const held = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  return { cpuUs: median(times), heldBytes: outcome === undefined ? 0 : Math.max(held, 0) };
}

interface Measured {
  cpuUs: number;
  heldBytes: number;
}
const usualCosts = new WeakMap<Subject['ordinary'], Map<number, Measured>>();

/** What an ordinary input of this size costs, or of one up to a third smaller: measured once for some sizes. */
async function usualCost(ordinary: Subject['ordinary'], bytes: number): Promise<Measured> {
  const known = usualCosts.get(ordinary) ?? new Map<number, Measured>();
  usualCosts.set(ordinary, known);
  const size = 2 ** (Math.floor(Math.log2(Math.max(bytes, 1_000)) * 2) / 2);
  const cost = known.get(size);
  if (cost !== undefined) return cost;
  const { work } = ordinary(size);
  await work();
  const measured = await measure(work);
  known.set(size, measured);
  return measured;
}

/** What the input of a seed costs. */
export async function costOf({ ordinary, hostile }: Subject, seed: number): Promise<Cost> {
  const { label, bytes, work } = hostile(seed);
  const usual = await usualCost(ordinary, bytes);
  const { cpuUs, heldBytes } = await measure(work);
  return {
    label: `seed ${seed}: ${label}`,
    cpuUs,
    heldBytes,
    cpuTimes: cpuUs / Math.max(usual.cpuUs, CPU_US_MIN),
    memoryTimes: heldBytes / Math.max(usual.heldBytes, BYTES_MIN),
  };
}

/** The inputs that cost too much: none. Measured twice before it is believed. */
export async function tooExpensive(subject: Subject, seeds: readonly number[]): Promise<Cost[]> {
  const isTooExpensive = ({ cpuTimes, memoryTimes }: Cost) => cpuTimes > TIMES_MAX || memoryTimes > TIMES_MAX;
  const found: Cost[] = [];
  for (const seed of seeds) {
    if (!isTooExpensive(await costOf(subject, seed))) continue;
    const again = await costOf(subject, seed);
    if (isTooExpensive(again)) found.push(again);
  }
  return found;
}
