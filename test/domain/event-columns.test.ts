/** From the bytes of a body to the log: columns, stored and read back, are the events that the schema makes of the body. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { JsonText, NewEvent } from '../../src/domain/event.js';
import { readExact, validateEvents } from '../../src/ingest/exact-reader.js';
import { readFast } from '../../src/ingest/fast-reader.js';
import { scanJson } from '../../src/ingest/scan.js';
import { beginCommit } from '../../src/log/wal/commit.js';
import { bodyText, bytesOf, envelope, event } from '../ingest/bodies.js';
import { memoryBase } from '../support/commit-base.js';

const RUNS = { numRuns: 600 };
const HEAD = { app: 'inventory', receivedAt: 1 };

/** The events of a valid body as `JSON.parse` and the schema see them. */
function eventsIn(bytes: Buffer): NewEvent[] {
  const parsed: { events: unknown[] } = JSON.parse(bytes.toString());
  const props = scanJson(bytes).props.map(
    (span) => span && (bytes.toString('utf8', span.start, span.end) as JsonText),
  );
  return validateEvents(parsed.events, props, []);
}

/** Stores a body the way it is read fast, exactly, and as objects; false where nothing of it is stored. */
function assertStored(base: ReturnType<typeof memoryBase>, bytes: Buffer): boolean {
  const exact = readExact(bytes).envelope?.content().content;
  if (exact === undefined) return false;
  const fast = readFast(bytes)?.content().content;
  const events = eventsIn(bytes);
  const requests = [exact, fast].flatMap((content) =>
    content ? [{ ...HEAD, columns: content.columns }] : [],
  );
  for (const request of [{ ...HEAD, events }, ...requests]) {
    const firstId = base.counters().offset;
    const commit = beginCommit(base);
    commit.add(request);
    const expected = events.map((one, index) => ({ ...one, id: firstId + index, app: HEAD.app }));
    assert.deepEqual(base.take(commit.seal()), expected);
  }
  return fast !== undefined;
}

t.test('any body is stored as what it says, whichever way it was read', async (t) => {
  const base = memoryBase();
  let fast = 0;
  fc.assert(
    fc.property(bodyText, (text) => {
      if (assertStored(base, bytesOf(text))) fast++;
    }),
    RUNS,
  );
  t.ok(fast > RUNS.numRuns / 20, `${fast} bodies were read fast`);
});

t.test('so are texts that do not stand in the body as they are stored', async (t) => {
  const texts = [
    'käse',
    '😀',
    '"quoted"',
    '\n\t\\',
    'ü'.repeat(2_048),
    'ü'.repeat(2_049),
    `${'x'.repeat(2_047)}😀`,
    `\n${'x'.repeat(2_050)}`,
  ];
  const all = texts.flatMap((name, index) => [
    event({ name, url: texts.at(-index) }),
    event({ name: `plain ${index}`, url: name, props: { text: name } }),
    event({ name, user: { name, email: index % 2 ? name : null } }),
    event({ name, url: '', ...(index % 2 ? {} : { user: {} }) }),
  ]);
  const base = memoryBase();
  for (const body of [JSON.stringify(envelope(all)), ...all.map((one) => JSON.stringify(envelope([one])))]) {
    t.ok(assertStored(base, Buffer.from(body)));
    const inAscii = body.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    t.ok(assertStored(base, Buffer.from(inAscii)));
  }
});
