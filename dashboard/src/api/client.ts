/** The page's client of the API. */
import {
  ClientError,
  createClient,
  ForeignAnswerError,
  UnreachableError,
} from '../../../client/src/index.js';
import { connection } from './connection.js';

export type * from '../../../client/src/types.js';
export { ClientError };

export const client = createClient({
  fetch: async (url, init) => {
    const answer = await fetch(url, init);
    connection.found();
    return answer;
  },
});

/** The error of a call. Where nothing answered, the connection is lost. */
export function noted(error: unknown): ClientError {
  if (error instanceof UnreachableError) connection.lost();
  return error instanceof ClientError ? error : new ClientError(200, String(error));
}

/** The text of an error on the page. */
export function inWords(error: ClientError): string {
  if (!(error instanceof ForeignAnswerError)) return error.message;
  return error.status < 400
    ? 'What answered is not the collector. Loading the page anew may help.'
    : `The collector answered with status ${error.status}.`;
}
