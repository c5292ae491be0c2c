/** `POST /v1/erase`: takes everything a user left out of the store, and gives a receipt. */
import type { EraseReport, Erasure } from '../../store/port.js';
import type { Api, ApiContext } from '../context.js';
import { ProblemError } from '../errors.js';
import { eraseAnswer, eraseBody, problems } from '../schemas.js';

/** Settles when nothing of the user is left, in no answer and not on the disk. */
export type Erase = (erasure: Erasure) => Promise<EraseReport>;

const BODY_BYTES_MAX = 4_096;

/** Adds the route, in a scope of its own: elsewhere among reads a body is left unread. */
export function eraseRoute(app: Api, { erase, log }: ApiContext): void {
  if (erase === undefined) return;
  void app.register(async (scope) => {
    const typed: Api = scope;
    typed.removeAllContentTypeParsers();
    typed.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
      done(null, parse(body as string)),
    );
    typed.post(
      '/v1/erase',
      {
        bodyLimit: BODY_BYTES_MAX,
        schema: {
          summary: 'Erase a user: events, replays of their sessions, and every text that was only theirs',
          tags: ['Operator'],
          body: eraseBody,
          response: {
            200: eraseAnswer,
            ...problems(
              'invalid_parameter',
              'unauthorized',
              'forbidden',
              'cross_site',
              'locked_out',
              'reopening',
            ),
          },
        },
      },
      async (request) => {
        const { user, app: only } = request.body;
        const erasure: Erasure = only === undefined ? { user } : { user, app: only };
        const { bytesBefore, bytesAfter, ...counts } = await erase(erasure).catch((error: Error) => {
          log.error({ err: error, reqId: request.id }, 'erasure failed');
          throw new ProblemError(
            'internal',
            'The erasure did not come to its end. The next start takes it up again.',
          );
        });
        // Whom it was about is for the receipt alone: a log line would keep what was to be forgotten.
        log.info({ reqId: request.id, ...counts }, 'a user was erased');
        return {
          ...erasure,
          ...counts,
          gone_from_reads: true as const,
          gone_from_disk: true as const,
          file_bytes_before: bytesBefore,
          file_bytes_after: bytesAfter,
        };
      },
    );
  });
}

/** What is no JSON is nothing, which the schema refuses. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
