/** The intake thread: reads raw requests, so that the HTTP thread does not. It hands on valid ones, in groups. */
import '../telemetry/source-maps.js';
import { parentPort, workerData } from 'node:worker_threads';
import { withEvents } from '../domain/event-columns.js';
import { Intake, type Taken, unread } from '../ingest/intake.js';
import type { FromIntake, IntakeData, ToIntake } from './ingest.js';

/** Inserts at once: enough to keep the engine busy, few enough that they are large under load. */
const INSERTS_MAX = 4;

if (!parentPort) throw new Error('the intake thread must be started by openIngest');
const port = parentPort;
const { gone, ...settings } = workerData as IntakeData;
let inserts = 0;

function take({ valid, refusals }: Taken): void {
  if (valid.length > 0) inserts++;
  const message: FromIntake = {
    kind: 'read',
    refusals,
    places: valid.map(({ place }) => place),
    batches: valid.map(({ batch }) => withEvents(batch)),
  };
  port.postMessage(message);
}

const intake = new Intake({
  gone,
  loadExact: async () => (await import('../ingest/exact-reader.js')).readExact,
  // Requests that arrive during inserts form the next one.
  isReady: () => inserts < INSERTS_MAX,
  take,
  onError: (error) => port.postMessage({ kind: 'error', text: unread(error) } satisfies FromIntake),
});
intake.configure(settings);
port.on('message', (message: ToIntake) => {
  if (message.kind === 'ingest') intake.push(message);
  else if (message.kind === 'configure') intake.configure(message.settings);
  else {
    inserts--;
    intake.drainSoon();
  }
});
