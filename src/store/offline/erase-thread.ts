/** A thread that carries out one erasure, so that the thread of HTTP goes on answering meanwhile. */
import '../../telemetry/source-maps.js';
import { parentPort, workerData } from 'node:worker_threads';
import type { EraseReport, Erasure } from '../port.js';
import { type PlainError, toPlain } from '../threads/rpc.js';
import { eraseUser } from './erase.js';

if (!parentPort) throw new Error('this thread must be started by eraseOnThread');
const { dataDir, erasure } = workerData as { dataDir: string; erasure: Erasure };

export type EraseAnswer = { report: EraseReport } | { error: PlainError };

const answer: EraseAnswer = await eraseUser(dataDir, erasure, () => {}).then(
  (report) => ({ report }),
  (error) => ({ error: toPlain(error) }),
);
parentPort.postMessage(answer);
