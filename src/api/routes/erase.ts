/** `POST /v1/erase`: erases a user and answers with a receipt. */
import type { FastifyInstance } from 'fastify';
import { ProblemError } from '../../domain/problems.js';
import { assertKnown } from '../../questions/before-erasure.js';
import type { Erasure } from '../../store/port.js';
import type { ApiContext } from '../context.js';
import { json, validated } from '../route.js';
import { eraseAnswer, eraseBody } from '../schemas.js';

const BODY_BYTES_MAX = 4_096;

/** The route has a scope of its own, since the scope of the reads does not read bodies. */
export function eraseRoute(app: FastifyInstance, { store, erase, erasuresPending, log }: ApiContext): void {
  const config = {
    access: { role: 'operator', scope: 'all' },
    describe: {
      summary: 'Erase a user: events, replays of their sessions, and every text that was only theirs',
      tag: 'Operator',
      body: { type: 'application/json', schema: eraseBody },
      answers: { 200: json(eraseAnswer) },
      refusals: [
        'invalid_parameter',
        'unauthorized',
        'forbidden',
        'cross_site',
        'not_found',
        'locked_out',
        'reopening',
      ],
    },
  } as const;
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
      done(null, parse(body as string)),
    );
    scope.post('/v1/erase', { bodyLimit: BODY_BYTES_MAX, config }, async (request) => {
      const { user, app: only } = validated(eraseBody, request.body);
      const erasure: Erasure = only === undefined ? { user } : { user, app: only };
      let isBegun = false;
      const check = async () => {
        await assertKnown(store, erasure, erasuresPending());
        isBegun = true;
      };
      const { bytesBefore, bytesAfter, goneFromDiskAt, ...counts } = await erase(erasure, check).catch(
        (error: Error) => {
          if (!isBegun) throw error;
          log.error({ err: error, reqId: request.id }, 'erasure failed');
          throw new ProblemError(
            'internal',
            'The erasure did not come to its end. The next start takes it up again.',
          );
        },
      );
      // Only the receipt names the user, not the log.
      log.info({ reqId: request.id, ...counts }, 'a user was erased');
      return {
        ...erasure,
        ...counts,
        gone_from_reads: true,
        gone_from_disk: goneFromDiskAt === undefined,
        ...(goneFromDiskAt !== undefined && { gone_from_disk_at: goneFromDiskAt }),
        file_bytes_before: bytesBefore,
        file_bytes_after: bytesAfter,
      };
    });
  });
}

/** `undefined`, which the schema refuses, for what is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
