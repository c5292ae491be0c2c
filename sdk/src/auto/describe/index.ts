/** The describer: makes events from what the hooks caught. */
import type { Client } from '../../seam.js';
import { createErrors, type Errors } from './errors.js';
import { createRequests, type Request } from './requests.js';

export interface Describer extends Errors {
  request(request: Request): void;
}

export function start(client: Client): Describer {
  return { ...createErrors(client), request: client.guard(createRequests(client)) };
}
