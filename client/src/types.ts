/** What can be asked and what is answered, by the collector's own definitions. Types alone: nothing of them is bundled. */
import type { z } from 'zod';
import type {
  appsAnswer,
  auditAnswer,
  auditAsk,
  eraseAnswer,
  eraseBody,
  healthAnswer,
  streamAsk,
} from '../../src/api/schemas.js';
import type { Questions } from '../../src/questions/index.js';
import type * as shapes from '../../src/questions/shapes.js';

export type Json = shapes.Json;
export type Props = NonNullable<Event['props']>;
export type EventType = Event['type'];
/** A stored event. Times are Unix ms. */
export type Event = z.output<typeof shapes.event>;
/** A part of a recording; `client.chunk(path)` fetches it. */
export type ChunkReference = shapes.ChunkReference;
export type CountedName = shapes.CountedName;
/** Of a UTC day. */
export type CountedDay = shapes.CountedDay;
export type UserRow = Answers['users']['users'][number];
export type SessionRow = Answers['sessions']['sessions'][number];
export type ErrorGroupRow = Answers['errors']['groups'][number];

/** The parameters of each question; times are Unix ms. */
export type Asks = { [K in keyof Questions]: z.input<Questions[K]['ask']> };

/** The answer to each question. */
export type Answers = { [K in keyof Questions]: z.output<Questions[K]['answer']> };

/** Which events the live feed brings. */
export type LiveFilter = Omit<z.input<typeof streamAsk>, 'after'>;

export type AppsAnswer = z.output<typeof appsAnswer>;
export type AuditAsk = z.input<typeof auditAsk>;
export type AuditAnswer = z.output<typeof auditAnswer>;
export type Erasure = z.input<typeof eraseBody>;
export type EraseAnswer = z.output<typeof eraseAnswer>;
export type HealthAnswer = z.output<typeof healthAnswer>;
