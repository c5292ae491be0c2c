/** `spyglass erase`: takes a user out of the running collector, or of a store that nobody has open. */
import type { EraseReport, Erasure } from '../store/port.js';
import { urlOf } from './collector.js';
import { dataDirOf, readConfig, type Where } from './config-file.js';
import { CommandFailure } from './failure.js';
import { eraseOnClickhouse } from './on-clickhouse.js';
import { startProgress } from './progress.js';

export interface EraseOptions extends Where {
  user: string;
  app?: string;
}

interface Receipt {
  events: number;
  sessions: number;
  chunks: number;
  file_bytes_before: number;
  file_bytes_after: number;
}

const PROBE_MS = 2_000;

/** Prints what was removed and from where it is gone. */
export async function erase(options: EraseOptions): Promise<void> {
  const receipt = (await throughCollector(options)) ?? (await fromFolder(options));
  const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  const from = options.app === undefined ? 'every app' : `app ${options.app}`;
  console.log(
    [
      `ok  user ${JSON.stringify(options.user)} was erased from ${from}`,
      `  events    ${receipt.events}, of ${receipt.sessions} sessions`,
      `  replays   ${receipt.chunks} chunks, all that these sessions had`,
      '  answers   gone from every one, at once',
      `  disk      gone: the data file was rewritten, ${mib(receipt.file_bytes_after)} (was ${mib(receipt.file_bytes_before)})`,
      '  elsewhere backups and exports made before still have it',
    ].join('\n'),
  );
}

/** Asks the collector that runs by this configuration, if one does. */
async function throughCollector({ user, app, ...where }: EraseOptions): Promise<Receipt | undefined> {
  if (where.data !== undefined) return undefined;
  const { listen, auth } = await readConfig(where);
  const url = urlOf(listen.host, listen.port);
  const isThere = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_MS) }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!isThere) return undefined;
  const password = auth.dashboard_password;
  const answer = await fetch(`${url}/v1/erase`, {
    method: 'POST',
    headers:
      password === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`:${password}`).toString('base64')}` },
    body: JSON.stringify({ user, app }),
  });
  if (!answer.ok) throw new CommandFailure(`${url} did not erase: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Receipt;
}

async function fromFolder({ user, app, ...where }: EraseOptions): Promise<Receipt> {
  const erasure = app === undefined ? { user } : { user, app };
  const report = (await eraseOnClickhouse(where, erasure)) ?? (await eraseInFolder(where, erasure));
  const { bytesBefore, bytesAfter, ...counts } = report;
  return { ...counts, file_bytes_before: bytesBefore, file_bytes_after: bytesAfter };
}

async function eraseInFolder(where: Where, erasure: Erasure): Promise<EraseReport> {
  const dataDir = await dataDirOf(where);
  const { eraseUser } = await import('../store/offline/erase.js');
  const progress = await startProgress('erase', 'events');
  return eraseUser(dataDir, erasure, (at) => progress.update(at.done, at.total)).finally(progress.stop);
}
