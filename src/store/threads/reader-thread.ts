/** A reader thread: answers calls to the read side, each from the newest snapshot. */
import '../../telemetry/source-maps.js';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openReadSide } from '../sides.js';
import { answer, type Call } from './rpc.js';

const port = parentPort;
if (!port) throw new Error('a reader thread must be started by openStore');
const { dataDir, niceness } = workerData as { dataDir: string; niceness: number };

// On Linux this is the priority of the calling thread; elsewhere it would be the whole process's.
if (niceness > 0 && process.platform === 'linux') setPriority(niceness);

const { read, renew, close } = openReadSide(dataDir);
const target = { ...read, close };

port.on('message', (call: Call) => {
  renew();
  void answer(target, call).then((reply) => port.postMessage(reply));
});
