/** Reads requests once they have their turn; the exact reader is loaded at the first body that needs it. */
import type { Config } from '../config/config.js';
import { REFUSAL_LOG_MS } from '../domain/limits.js';
import type { Windows } from './event-limiter.js';
import { createIngest, type IngestOptions } from './ingest.js';
import type { IngestOutcome, IngestRequest, Known } from './types.js';

export type ReadExact = IngestOptions['readExact'];

class NotLoaded extends Error {}

/** Reads requests by settings that may change. `onError` gets what a reader throws, once in `REFUSAL_LOG_MS`. */
export function openReading(
  loadExact: () => Promise<ReadExact>,
  onLoaded: () => void,
  onError: (error: unknown) => void,
) {
  let readExact: ReadExact | undefined;
  let isLoading = false;
  let ingest: ReturnType<typeof createIngest> | undefined;
  /** What apps have sent this minute still counts after a change of settings. */
  const windows: Windows = new Map();
  let notedAt = Number.NEGATIVE_INFINITY;
  const noteError = (error: unknown): void => {
    if (performance.now() - notedAt < REFUSAL_LOG_MS) return;
    notedAt = performance.now();
    onError(error);
  };
  const load = async (): Promise<void> => {
    isLoading = true;
    readExact = await loadExact();
    isLoading = false;
    onLoaded();
  };
  return {
    isLoading: () => isLoading,
    configure({ apps, limits }: Pick<Config, 'apps' | 'limits'>): void {
      const readOrLoad: ReadExact = (json) => {
        if (readExact === undefined) throw new NotLoaded();
        return readExact(json);
      };
      ingest = createIngest({ apps, limits, readExact: readOrLoad, windows });
    },
    /** `undefined` while what reads it is loaded. */
    read(request: IngestRequest, known: Known): IngestOutcome | undefined {
      try {
        return ingest?.(request, known);
      } catch (error) {
        if (!(error instanceof NotLoaded)) {
          noteError(error);
          return { refusal: { code: 'internal', detail: 'the batch could not be read' } };
        }
        void load();
        return undefined;
      }
    },
  };
}
