/** Bodies that begin and do not end: whom the bound on all of them meets. */
import type { IncomingMessage } from 'node:http';
import { Duplex, PassThrough } from 'node:stream';
import t from 'tap';
import { watchUnfinishedBodies } from '../../../src/api/bodies.js';

interface Sender {
  readonly stream: PassThrough;
  readonly gaveUp: boolean;
}

const BYTES_MAX = 1_000;
const newBodies = () => {
  const watch = watchUnfinishedBodies(BYTES_MAX);
  return (length?: number): Sender => {
    const stream = new PassThrough();
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    socket.once('close', () => stream.destroy());
    const headers = length === undefined ? {} : { 'content-length': String(length) };
    watch(Object.assign(stream, { headers, socket }) as unknown as IncomingMessage);
    return {
      stream,
      get gaveUp() {
        return socket.destroyed;
      },
    };
  };
};
const settle = () => new Promise((resolve) => setImmediate(resolve));

t.test('the one under way for longest is given up, and as many as it takes', async (t) => {
  const begin = newBodies();
  const all = [begin(), begin(1_000_000), begin(), begin()];
  for (const { stream } of all) {
    stream.write(Buffer.alloc(300));
    await settle();
  }
  t.same(
    all.map(({ gaveUp }) => gaveUp),
    [true, false, false, false],
  );
  all.at(-1)?.stream.write(Buffer.alloc(700));
  await settle();
  t.same(
    all.map(({ gaveUp }) => gaveUp),
    [true, true, true, false],
  );
  t.ok(all[1]?.stream.destroyed, 'with its connection');
});

t.test('who is done is no longer counted, nor who left', async (t) => {
  const begin = newBodies();
  const stalled = begin();
  stalled.stream.write(Buffer.alloc(100));
  for (let n = 0; n < 50; n++) {
    const { stream } = begin();
    stream.write(Buffer.alloc(500));
    await settle();
    if (n % 2 === 0) stream.end();
    else stream.destroy();
    await settle();
    await settle();
  }
  t.notOk(stalled.gaveUp);
});

t.test('one body by itself may be as large as it may be, and small ones are not looked at', async (t) => {
  const begin = newBodies();
  const small = begin(100);
  const large = begin();
  small.stream.write(Buffer.alloc(100));
  large.stream.write(Buffer.alloc(BYTES_MAX * 5));
  await settle();
  t.notOk(small.gaveUp || large.gaveUp);
});
