/** Error groups: which errors share a message and a top stack frame, and who met them when. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { DAY_MS, MAX_TS, TEXT_MAX } from '../../src/domain/limits.js';
import { clock, dayOf, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

const BLOCK_ROWS = 285;

const given = specsOf({
  error_groups: (key, value, texts) => {
    const [app, day, hash, block] = [texts.app(key.be(2)), key.be(3), key.hex(12), key.be(4)];
    const met = times(value.left / 14, () => {
      const [at, user, id] = [clock(day * DAY_MS + value.le(4)), texts.user(value.le(4)), value.le(6)];
      return `${id} ${user} ${at}`;
    });
    return { app, day: dayOf(day), group: groupBy.get(hash) ?? hash, block, met };
  },
});

/** What a group is called here, by its hash. */
const groupBy = new Map<string, string>();

/** The hash of a group, of texts alone: its id is the same in every store. */
function hashOf(name: string, frame: string): string {
  return createHash('sha256').update(`${name.length}:${name}${frame}`).digest('hex').slice(0, 24);
}

function group(called: string, name: string, frame = ''): string {
  groupBy.set(hashOf(name, frame), called);
  return called;
}

const error = (over: object = {}) => event({ type: 'error', name: 'boom', ...over });
const at = (frame: string) => ({
  props: { stack: `Error: boom\n    at ${frame}\n    at main (main.js:1:1)` },
});
const row = (group: string, ...met: string[]) => ({ app: 'shop', day: '06-14', group, block: 0, met });

/** In the order of keys, which is that of the hashes. */
const inOrder = <T extends { group: string }>(...rows: T[]): T[] => {
  const hashes = new Map([...groupBy].map(([hash, called]) => [called, hash]));
  const hash = ({ group }: T) => hashes.get(group) ?? '';
  return rows.sort((a, b) => (hash(a) < hash(b) ? -1 : Number(hash(a) > hash(b))));
};

const BOOM = group('boom', 'boom');
const BOOM_IN_F = group('boom in f', 'boom', 'f (app.js:1:1)');
const BOOM_IN_G = group('boom in g', 'boom', 'g (app.js:2:1)');

t.test('an error is a row of its group: its message, and no frame where nothing tells of one', () =>
  given(error({ user: 'alice', at: '10:20' })).rows('error_groups', [row(BOOM, '1 alice 10:20')]),
);

t.test('events of other types are in no group', () =>
  given(event({ name: 'boom' }), event({ name: 'boom', type: 'bug_report' })).rows('error_groups', []),
);

t.test('a group is a message and a top frame, whatever lies below the frame', () =>
  given(
    [error(at('f (app.js:1:1)')), error(at('g (app.js:2:1)')), error()],
    error({ user: 'bob', ...at('f (app.js:1:1)') }),
    error({ props: { stack: 'boom\n at f (app.js:1:1)' } }),
    error({ props: { stack: null, note: 'no stack' } }),
  ).rows(
    'error_groups',
    inOrder(
      row(BOOM_IN_F, '1 alice 10:00', '4 bob 10:00', '5 alice 10:00'),
      row(BOOM_IN_G, '2 alice 10:00'),
      row(BOOM, '3 alice 10:00', '6 alice 10:00'),
    ),
  ),
);

t.test('the host that served the code makes no difference', () =>
  given(
    error(at('f (https://shop.example/app.js:1:1)')),
    error(at('f (http://localhost:3000/app.js:1:1)')),
  ).rows('error_groups', [
    row(group('boom in /f', 'boom', 'f (/app.js:1:1)'), '1 alice 10:00', '2 alice 10:00'),
  ]),
);

t.test('message and frame stay apart, though they read alike put together', () => {
  const [one, other] = [group('a, then bc', 'a', 'bc (x.js:1:1)'), group('ab, then c', 'ab', 'c (x.js:1:1)')];
  return given(
    error({ name: 'a', ...at('bc (x.js:1:1)') }),
    error({ name: 'ab', ...at('c (x.js:1:1)') }),
  ).rows('error_groups', inOrder(row(one, '1 alice 10:00'), row(other, '2 alice 10:00')));
});

t.test('messages as long as they can be, of a byte’s difference', () => {
  const names = ['€'.repeat(TEXT_MAX), `${'€'.repeat(TEXT_MAX - 1)}₭`];
  const [one = '', other = ''] = names.map((name, index) => group(`long ${index}`, name));
  return given(...names.map((name) => error({ name }))).rows(
    'error_groups',
    inOrder(row(one, '1 alice 10:00'), row(other, '2 alice 10:00')),
  );
});

t.test('rows are in the order of ids, whenever the errors were', () =>
  given(
    [error({ at: '10:05' }), error({ at: '10:04:30' })],
    error({ at: '09:00' }),
    error({ at: '10:05' }),
  ).rows('error_groups', [row(BOOM, '1 alice 10:05', '2 alice 10:04:30', '3 alice 09:00', '4 alice 10:05')]),
);

t.test('days and apps are apart, days first', () =>
  given(
    [error({ at: '06-14 23:59:59.999' }), error({ at: '06-15 00:00' })],
    error({ app: 'wiki', at: '06-14 10:00' }),
    error({ at: '06-15 10:00', ...at('f (app.js:1:1)') }),
  ).rows('error_groups', [
    row(BOOM, '1 alice 23:59:59.999'),
    ...inOrder(
      { ...row(BOOM, '2 alice 06-15 00:00'), day: '06-15' },
      { ...row(BOOM_IN_F, '4 alice 06-15 10:00'), day: '06-15' },
    ),
    { ...row(BOOM, '3 alice 10:00'), app: 'wiki' },
  ]),
);

t.test('the 286th error of a group’s day begins another block', () => {
  const met = times(2 * BLOCK_ROWS + 1, (index) => timeOf('10:00') + 100 * index);
  const errors = met.map((at) => error({ at }));
  return given(
    errors.slice(0, 100),
    errors.slice(100, BLOCK_ROWS),
    errors.slice(BLOCK_ROWS),
    error({ ...at('f (app.js:1:1)') }),
  ).rows(
    'error_groups',
    inOrder(
      ...times(3, (block) => ({
        ...row(BOOM),
        block,
        met: met
          .slice(block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS)
          .map((ts, index) => `${block * BLOCK_ROWS + index + 1} alice ${clock(ts)}`),
      })),
      row(BOOM_IN_F, `${met.length + 1} alice 10:00`),
    ),
  );
});

t.test('ids of more than four bytes, as an import brings them', () =>
  given(error({ id: 2 ** 40 + 1 }), error({ at: '10:01' })).rows('error_groups', [
    row(BOOM, `${2 ** 40 + 1} alice 10:00`, `${2 ** 40 + 2} alice 10:01`),
  ]),
);

t.test('the first and the last day there is', () =>
  given(error({ at: 0 }), error({ at: MAX_TS })).rows('error_groups', [
    { ...row(BOOM, `1 alice ${clock(0)}`), day: '01-01' },
    { ...row(BOOM, `2 alice ${clock(MAX_TS)}`), day: dayOf(Math.floor(MAX_TS / DAY_MS)) },
  ]),
);

t.test('a sweep takes days whole, of every app', () =>
  given(
    [error({ at: '06-13 10:00' }), error({ at: '06-14 23:59:59.999' }), error({ at: '06-15 00:00' })],
    error({ app: 'wiki', at: '06-14 10:00' }),
  )
    .swept('06-15')
    .rows('error_groups', [{ ...row(BOOM, '3 alice 06-15 00:00'), day: '06-15' }]),
);

t.test('a sweep of more groups than one turn takes', () =>
  given(
    times(600, (index) => error({ name: `boom ${index}`, at: '06-14 10:00' })),
    error({ at: '06-15 09:00' }),
  )
    .swept('06-15')
    .rows('error_groups', [{ ...row(BOOM, '601 alice 06-15 09:00'), day: '06-15' }]),
);

t.test('a sweep that was cut off: groups are what lies after it, and so are the errors beside one', () =>
  given(
    error({ at: '06-14 10:00' }),
    error({ at: '06-15 00:00' }),
    error({ name: 'gone', at: '06-14 11:00' }),
  )
    .fenced('06-15')
    .answers(
      async (store) => ({
        groups: (await store.ask('errors', { limit: 9 })).groups.map(
          ({ name, count }) => `${name}: ${count}`,
        ),
        previous: (await store.ask('incident', { event_id: 2 }))?.around?.neighbours.previous,
      }),
      { groups: ['boom: 1'], previous: undefined },
    ),
);

t.test('the errors of a user who is erased go, and the others of their group move up', () =>
  given(error(), error({ user: 'bob' }), error(at('f (app.js:1:1)')), error())
    .erased('alice')
    .rows('error_groups', [row(BOOM, '2 bob 10:00')]),
);
