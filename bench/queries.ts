/** Asks every engine the questions, in process and warm: compares the answers, then the times. */
import { hashOf, type Question, questions } from './questions.js';
import { median, type Row, spread } from './report.js';
import { ENGINES, type EngineName, openFilled } from './stores.js';

const RUNS = 9;
/** Warm-up of each question before the clock starts. */
const WARM_MS = 300;
/** A run asks a quick question as often as fits into this time, and counts the mean. */
const RUN_MS = 10;
/** A slow question has as many runs as fit into this time, but at least three. */
const BUDGET_MS = 20_000;

interface Measured {
  hash: string;
  /** Rows of the answer. */
  answered: number;
  times: number[];
}

async function measure(name: EngineName, events: number, list: readonly Question[]): Promise<Measured[]> {
  const { engine } = await openFilled(name, events);
  const measured: Measured[] = [];
  try {
    for (const { ask } of list) {
      const times: number[] = [];
      let hash = '';
      let answered = 0;
      let spent = 0;
      let took = Number.POSITIVE_INFINITY;
      for (let run = 0; run < 2 || spent < WARM_MS; run++) {
        const start = performance.now();
        const answer = await engine.ask(ask);
        const one = performance.now() - start;
        took = Math.min(took, one);
        if (run === 0) {
          hash = hashOf(answer);
          answered = answer.length;
        }
        spent += one;
        if (spent > BUDGET_MS / 3) break;
      }
      const asks = Math.max(1, Math.floor(RUN_MS / took));
      while (times.length < RUNS && (times.length < 3 || spent < BUDGET_MS)) {
        const start = performance.now();
        for (let i = 0; i < asks; i++) await engine.ask(ask);
        const run = performance.now() - start;
        times.push(run / asks);
        spent += run;
      }
      measured.push({ hash, answered, times });
    }
  } finally {
    await engine.close();
  }
  return measured;
}

/** The last error of the newest hundred; every engine looks up its incident. */
async function findIncident(events: number): Promise<Parameters<typeof questions>[0]> {
  const { engine } = await openFilled('spyglass', events);
  const row = (await engine.ask({ kind: 'newest', type: 'error' })).at(-1) as [
    number,
    number,
    string,
    string,
    string,
  ];
  await engine.close();
  const [id, ts, app, , session] = row;
  return { kind: 'incident', id, app, session, from: ts - 60_000, to: ts + 10_000 };
}

export async function benchQueries(
  events: number,
  say: (line: string) => void,
  names: readonly EngineName[] = Object.keys(ENGINES) as EngineName[],
): Promise<Row[]> {
  const list = questions(await findIncident(events));
  const results = new Map<EngineName, Measured[]>();
  for (const name of names) {
    say(`asking ${name} …`);
    results.set(name, await measure(name, events, list));
  }
  return list.map(({ name, times, belowMs }, index) => {
    const of = (engine: EngineName): Measured =>
      results.get(engine)?.[index] ?? { hash: '', answered: 0, times: [] };
    const own = of('spyglass');
    for (const engine of names) {
      if (of(engine).hash !== own.hash)
        throw new Error(`${name}: ${engine} and spyglass give different answers`);
    }
    const peers = Object.fromEntries(
      names.filter((engine) => engine !== 'spyglass').map((engine) => [engine, median(of(engine).times)]),
    );
    const value = median(own.times);
    const best = Math.min(...Object.values(peers));
    return {
      name,
      value,
      unit: 'ms',
      spread: spread(own.times),
      hash: own.hash,
      answered: own.answered,
      peers,
      ...(Number.isFinite(best) ? { ratio: best / value } : {}),
      ...(times ? { ratioGoal: times } : {}),
      ...(belowMs ? { goal: { below: belowMs } } : {}),
    };
  });
}
