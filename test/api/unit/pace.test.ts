/** Refused senders: whose answers come later, whose connections wait, and who is not slowed. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createPace } from '../../../src/api/guards/pace.js';
import { REFUSALS_AT_ONCE } from '../../../src/domain/limits.js';
import { ask } from '../../support/http.js';
import { serve } from './server.js';

function fakeSocket(): Socket & { state: string[] } {
  const state: string[] = [];
  const say = (word: string) => () => state.push(word);
  return {
    state,
    pause: say('pause'),
    resume: say('resume'),
    destroy: say('destroy'),
  } as unknown as Socket & {
    state: string[];
  };
}

t.test(
  'an address has some answers at once, then so many per second, and is not read meanwhile',
  async (t) => {
    let now = 0;
    const pace = createPace({ perSecond: 100, atOnce: 2, waitMsMax: 300, now: () => now });
    const socket = fakeSocket();
    const answered: string[] = [];
    const refuse = (address: string, name: string) => pace.refuse(address, socket, () => answered.push(name));
    for (const name of ['1', '2', '3', '4']) refuse('a', name);
    t.same(answered, ['1', '2']);
    t.same(socket.state, ['pause', 'pause']);
    refuse('b', 'other');
    t.same(answered, ['1', '2', 'other'], 'another address is not slowed');
    while (pace.waiting() > 0) await sleep(5);
    t.same(answered, ['1', '2', 'other', '3', '4'], 'in order');
    t.same(socket.state, ['pause', 'pause', 'resume'], 'read again once all are answered');
    for (let more = 0; more < 1_000; more++) pace.refuse('c', fakeSocket(), () => answered.push('c'));
    while (pace.waiting() > 0) await sleep(5);
    t.equal(answered.filter((name) => name === 'c').length, 1_000, 'however often, none waits for long');
    now = 10_000;
    refuse('a', '5');
    t.equal(answered.at(-1), '5', 'forgotten after a while');
  },
);

t.test('what waits is bounded, and answered at the end', async (t) => {
  const pace = createPace({ perSecond: 0.001, atOnce: 1, max: 2 });
  const sockets = [0, 1, 2, 3].map(fakeSocket);
  const answered: number[] = [];
  for (const [index, socket] of sockets.entries()) pace.refuse('a', socket, () => answered.push(index));
  t.same(answered, [0]);
  t.same(sockets[3]?.state, ['destroy']);
  pace.close();
  t.same(answered, [0, 1, 2]);
  pace.refuse('a', fakeSocket(), () => answered.push(4));
  t.same(answered, [0, 1, 2, 4]);
});

t.test('a flood of wrong keys is held back; a sender at the same address goes on', async (t) => {
  let refused = 0;
  const { url } = await serve(t, {
    async ingest({ body }) {
      if (Buffer.from(body).includes('right')) return undefined;
      refused++;
      return { code: 'unauthorized_app', detail: 'no' };
    },
  });
  const { port, hostname } = new URL(url);
  const body = 'wrong'.padEnd(1_000);
  const one = `POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const flood = connect(Number(port), hostname);
  flood.on('error', () => {}).resume();
  t.teardown(() => flood.destroy());
  await once(flood, 'connect');
  // What has been read already is refused; the rest stays with the system, or with whoever sends.
  for (let sent = 0; sent < REFUSALS_AT_ONCE * 10; sent++) flood.write(one);
  while (refused <= REFUSALS_AT_ONCE) await sleep(5);
  await sleep(100);
  t.ok(refused < REFUSALS_AT_ONCE * 3, `${refused} of ${REFUSALS_AT_ONCE * 10} were looked at`);
  t.equal((await ask(url, '/v1/events', { method: 'POST', body: 'right' })).status, 204);
});
