/** The schemas as others use them: to describe the API. */
import t from 'tap';
import { z } from 'zod';
import { eventBatchSchema } from '../../src/ingest/schema.js';
import { envelope, event } from './bodies.js';

t.test('the batch can be described as JSON Schema', async (t) => {
  const { properties, required } = z.toJSONSchema(eventBatchSchema, { io: 'input' });
  t.same([...(required ?? [])].sort(), ['app', 'events', 'key']);
  const described = JSON.stringify(properties);
  for (const field of ['batch_id', 'sent_at', 'user_id', 'session_id', 'props', 'bug_report']) {
    t.match(described, `"${field}"`);
  }
  t.match(described, '"maxLength":256');
});

t.test('a props object may have any keys, those of objects too', async (t) => {
  const props = { constructor: 'Acme', toString: null, hasOwnProperty: 1, nested: { constructor: {} } };
  t.ok(eventBatchSchema.safeParse(envelope([event({ props })])).success);
});
