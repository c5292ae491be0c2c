/** A reader thread: answers calls to the read side, each from the newest snapshot. */
import '../../telemetry/source-maps.js';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

import { openReadSide, type ReadLimit } from '../sides.js';
import { monotonicMs, type ReadCall, SLOTS } from './read-call.js';
import type { ReaderData } from './readers.js';
import { answer, type Reply } from './rpc.js';

const port = parentPort;
if (!port) throw new Error('a reader thread must be started by openStore');
const { dataDir, niceness, cancelled, bounds } = workerData as ReaderData;

// On Linux this is the priority of the calling thread; elsewhere it would be the whole process's.
if (niceness > 0 && process.platform === 'linux') setPriority(niceness);

/** Of the call that runs. */
let limit: ReadLimit = { ms: 0 };
const { read, renew, close } = openReadSide(dataDir, { bounds, nextLimit: () => limit });
const target = { ...read, close };

/** From so many bytes on moving an answer's memory costs less than copying it. */
const MOVED_BYTES = 65_536;

const post = (reply: Reply): void => {
  const bytes = 'result' in reply && reply.result instanceof Uint8Array ? reply.result : undefined;
  if (bytes === undefined || bytes.length < MOVED_BYTES) port.postMessage(reply);
  else port.postMessage(reply, [bytes.buffer as ArrayBuffer]);
};

port.on('message', (call: ReadCall) => {
  const isCancelled = (): boolean => Atomics.load(cancelled, call.id % SLOTS) === call.id;
  limit = { ms: Math.min(call.workMs, call.endsAt - monotonicMs()), isCancelled };
  renew();
  void answer(target, call).then(post);
});
