/** The log, as far as the API writes to it. */
import type { FastifyBaseLogger } from 'fastify';

export type Logger = Pick<FastifyBaseLogger, 'level' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;
