/**
 * A power cut, simulated: what a collector does to its disk is recorded, and the data folder is made again as a disk could
 * have it at random moments. Each starts, holds what was acknowledged before, and verifies. Where syncs are left out, it must not.
 *
 * `SPYGLASS_CUTS` is the number of moments a mode, `SPYGLASS_SEED` chooses others.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { createRandom } from '../model/random.js';
import { APP, type ChildCollector, KEY, spawnCollector } from '../support/collector.js';
import { runSpyglass } from '../support/command.js';
import { createDiskRecorder, type Entry } from '../support/disk-record.js';
import { diskAfter, type LeftOut, type Mode, writeDisk } from '../support/power-cut.js';
import type { EventsAnswer } from '../support/rows.js';

const CUTS = Number(process.env.SPYGLASS_CUTS ?? 30);
const SEED = Number(process.env.SPYGLASS_SEED ?? 1);
/** Cuts looked at side by side. */
const AT_ONCE = 2;
const CLIENTS = 4;
/** Of each client, before the erasure and again after it. */
const REQUESTS = 40;
/** Different chunks of a session: each is replaced some times. */
const CHUNKS = 15;
/** In every event and chunk of the user who is erased. */
const ERASED = 'erased-user-mark';
t.setTimeout(120_000 + CUTS * 60_000);

/** What was acknowledged, and when, in monotonic ns. */
interface Acknowledged {
  events: { at: bigint; names: string[]; isErased: boolean }[];
  /** The version is in the chunk's text; versions of one chunk grow. */
  chunks: { at: bigint; session: string; seq: number; version: number }[];
  eraseAsked: bigint;
  erased: bigint;
}

interface Recording {
  folder: string;
  entries: Entry[];
  acknowledged: Acknowledged;
}

const now = (): bigint => process.hrtime.bigint();

let recording: Recording | undefined;
t.before(async () => {
  recording = await record();
});

/** Records a collector that takes events and chunks, and erases a user half-way. Undefined without a C compiler. */
async function record(): Promise<Recording | undefined> {
  const root = await mkdtemp(join(tmpdir(), 'spyglass-power-'));
  const folder = join(root, 'data');
  await mkdir(folder);
  const recorder = createDiskRecorder(folder);
  try {
    if (recorder === undefined) {
      console.error('# NOT TESTED: power cuts, for there is no C compiler `cc` on this machine');
      return undefined;
    }
    const collector = await spawnCollector({ dataDir: folder, env: recorder.env });
    const acknowledged = await putUnderLoad(collector);
    await collector.kill();
    await collector.close();
    return { folder, entries: recorder.read(), acknowledged };
  } finally {
    recorder?.remove();
    await rm(root, { recursive: true, force: true });
  }
}

async function putUnderLoad(collector: ChildCollector): Promise<Acknowledged> {
  const acknowledged: Acknowledged = { events: [], chunks: [], eraseAsked: 0n, erased: 0n };
  const isErasedTurn = (n: number): boolean => n % 5 === 0;
  const sendEvents = async (client: number, first: number, mayBeErased: boolean) => {
    for (let n = first; n < first + REQUESTS; n++) {
      const isErased = mayBeErased && isErasedTurn(n);
      const names = Array.from({ length: 1 + (n % 7) }, (_, index) => `c${client}-${n}-${index}`);
      const user = isErased ? ERASED : `user${client}`;
      const events = names.map((name) => ({
        user_id: user,
        session_id: `${user}-session`,
        type: n % 4 === 0 ? 'error' : 'event',
        name,
        props: { text: 'x'.repeat((n * 37) % 3_000) },
      }));
      const answer = await collector.send(events, { batch_id: `batch-${client}-${n}` });
      if (answer.status === 204) acknowledged.events.push({ at: now(), names, isErased });
    }
  };
  const sendChunks = async (session: string, first: number) => {
    for (let version = first; version < first + REQUESTS; version++) {
      const seq = 1 + (version % CHUNKS);
      const answer = await collector.get(`/v1/replay?session=${session}&seq=${seq}&app=${APP}`, {
        method: 'POST',
        headers: { 'x-spyglass-key': KEY },
        body: gzipSync(JSON.stringify([{ session, version }])),
      });
      if (answer.status === 204) acknowledged.chunks.push({ at: now(), session, seq, version });
    }
  };
  const all = (first: number, mayBeErased: boolean) =>
    Promise.all([
      ...Array.from({ length: CLIENTS }, (_, client) => sendEvents(client, first, mayBeErased)),
      sendChunks('recorded', first),
      ...(mayBeErased ? [sendChunks(`${ERASED}-session`, first)] : []),
    ]);
  await all(1, true);
  acknowledged.eraseAsked = now();
  const receipt = await collector.get('/v1/erase', {
    method: 'POST',
    body: JSON.stringify({ user: ERASED }),
  });
  if (receipt.status !== 200) throw new Error(`erasure: ${receipt.status} ${await receipt.text()}`);
  acknowledged.erased = now();
  await all(1_000_000, false);
  return acknowledged;
}

/** Makes the folder as the disk may have it at a random moment; returns what is wrong with it. */
async function faultsAfterCut(
  { folder, entries, acknowledged }: Recording,
  mode: Mode,
  seed: number,
  isLeftOut?: LeftOut,
): Promise<string[]> {
  const random = createRandom(seed);
  const cut = random.between(Math.floor(entries.length / 20), entries.length);
  const disk = diskAfter(entries, cut, mode, random, isLeftOut);
  const root = await mkdtemp(join(tmpdir(), 'spyglass-cut-'));
  const dataDir = join(root, 'data');
  await mkdir(dataDir);
  try {
    writeDisk(disk, folder, dataDir);
    const at = entries[cut - 1]?.timeNs ?? 0n;
    const faults = acknowledged.erased < at ? marksOf(disk.files) : [];
    const collector = await spawnCollector({ dataDir }).catch((error: Error) => {
      faults.push(`does not start: ${error.message.slice(0, 300)}`);
    });
    if (collector === undefined) return faults;
    try {
      faults.push(...(await eventFaults(collector, acknowledged, at)));
      faults.push(...(await chunkFaults(collector, acknowledged, at)));
    } finally {
      await collector.close();
    }
    const { code, stdout, stderr } = await runSpyglass(['verify', '--data', dataDir]);
    if (code !== 0) faults.push(`verify: ${stdout} ${stderr}`.slice(0, 300));
    return faults.map((fault) => `seed ${seed}, cut ${cut} of ${entries.length}: ${fault}`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function marksOf(files: ReadonlyMap<string, Buffer>): string[] {
  return [...files]
    .filter(([, content]) => content.includes(ERASED))
    .map(([path]) => `erased, and in ${path}`);
}

async function eventFaults(
  collector: ChildCollector,
  { events, eraseAsked, erased }: Acknowledged,
  at: bigint,
): Promise<string[]> {
  const counts = new Map<string, number>();
  const faults: string[] = [];
  for (let cursor = ''; ; ) {
    const response = await collector.get(`/v1/query/events?limit=500${cursor}`);
    if (response.status !== 200) return [`events: ${response.status} ${await response.text()}`];
    const page = (await response.json()) as EventsAnswer;
    for (const { name, user_id } of page.events) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (user_id === ERASED && erased < at) faults.push(`erased, and back: ${name}`);
    }
    if (page.next_cursor === undefined) break;
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
  for (const { at: acknowledgedAt, names, isErased } of events) {
    if (acknowledgedAt >= at || (isErased && eraseAsked < at)) continue;
    for (const name of names) if (!counts.has(name)) faults.push(`lost: ${name}`);
  }
  for (const [name, count] of counts) if (count > 1) faults.push(`${count} times: ${name}`);
  return faults;
}

async function chunkFaults(
  collector: ChildCollector,
  { chunks, eraseAsked }: Acknowledged,
  at: bigint,
): Promise<string[]> {
  const least = new Map<string, { session: string; seq: number; version: number }>();
  for (const chunk of chunks) {
    if (chunk.at >= at || (chunk.session !== 'recorded' && eraseAsked < at)) continue;
    least.set(`${chunk.session}/${chunk.seq}`, chunk);
  }
  const faults: string[] = [];
  for (const { session, seq, version } of least.values()) {
    const response = await collector.get(`/v1/sessions/${session}/replay/${seq}?app=${APP}`);
    const text = await response.text();
    const found = response.status === 200 ? /"version":(\d+)\}\]$/.exec(text)?.[1] : undefined;
    if (found === undefined || Number(found) < version)
      faults.push(`chunk ${session}/${seq}: ${text.slice(0, 80)} for version ${version}`);
  }
  return faults;
}

/** Calls for each seed, some at once, until one returns faults (a control) or all are done. */
async function faultsOf(cuts: number, look: (seed: number) => Promise<string[]>, isControl = false) {
  const faults: string[] = [];
  for (let done = 0; done < cuts && !(isControl && faults.length > 0); done += AT_ONCE) {
    const seeds = Array.from(
      { length: Math.min(AT_ONCE, cuts - done) },
      (_, index) => SEED * 1_000 + done + index,
    );
    faults.push(...(await Promise.all(seeds.map(look))).flat());
  }
  return faults;
}

for (const mode of ['posix', 'ext4'] as const) {
  t.test(
    `${CUTS} power cuts lose nothing acknowledged, and bring nothing erased back (${mode})`,
    async (t) => {
      if (!recording) return;
      const { entries, acknowledged } = recording;
      t.equal(acknowledged.events.length, 2 * CLIENTS * REQUESTS, `${entries.length} calls were recorded`);
      t.equal(acknowledged.chunks.length, 3 * REQUESTS);
      const made = recording;
      t.same((await faultsOf(CUTS, (seed) => faultsAfterCut(made, mode, seed))).slice(0, 20), []);
    },
  );
}

const CONTROLS: Readonly<Record<string, LeftOut>> = {
  'no sync at all': () => true,
  'no sync of the WAL': ({ path }) => /journal-[ab]\.bin$/.test(path),
  'no sync of a folder': (_, isFolder) => isFolder,
  'no sync of chunks': ({ path }, isFolder) => !isFolder && path.includes('/replay/'),
};
for (const [what, isLeftOut] of Object.entries(CONTROLS)) {
  t.test(`control: with ${what} it is noticed`, async (t) => {
    if (!recording) return;
    const made = recording;
    const faults = await faultsOf(CUTS, (seed) => faultsAfterCut(made, 'posix', seed, isLeftOut), true);
    t.ok(faults.length > 0, `${faults[0]}`);
  });
}
