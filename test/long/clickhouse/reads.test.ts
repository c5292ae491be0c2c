/** A read whose reader leaves: the engine is told to end it and sees the connection close, and is up for others. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { connect } from '../../../src/clickhouse/connect.js';

/** An engine that lists these settings, and answers no other question before its client has left. */
async function silentEngine(t: Test, settings: readonly string[]) {
  const asked: URL[] = [];
  const names: Record<string, readonly string[]> = {
    databases: ['d'],
    settings: ['max_execution_time', ...settings],
  };
  const server = createServer(async (request, response) => {
    let sql = '';
    for await (const part of request) sql += part;
    const table = /FROM system\.(\w+)/.exec(sql)?.[1];
    if (table) {
      response.end((names[table] ?? []).map((name) => `${JSON.stringify({ name })}\n`).join(''));
      return;
    }
    asked.push(new URL(request.url ?? '', 'http://engine'));
    server.emit('asked');
    response.once('close', () => server.emit('left'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const engine = await connect({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    database: 'd',
  });
  t.teardown(async () => {
    await engine.close();
    server.closeAllConnections();
    server.close();
  });
  return { engine, server, asked };
}

for (const lists of [true, false]) {
  t.test(`an engine that ${lists ? 'has' : 'does not have'} the setting`, async (t) => {
    const cancel = 'cancel_http_readonly_queries_on_client_close';
    const { engine, server, asked } = await silentEngine(t, lists ? ['readonly', cancel] : ['readonly']);
    const leaving = new AbortController();
    const read = t.rejects(engine.query('SELECT 1', {}, {}, leaving.signal), { name: 'ReadCancelled' });
    await once(server, 'asked');
    const left = once(server, 'left');
    leaving.abort();
    await Promise.all([read, left]);
    t.equal(asked.length, 1, 'asked once');
    t.equal(asked[0]?.searchParams.get(cancel), lists ? '1' : null);
    t.equal(asked[0]?.searchParams.get('readonly'), lists ? '2' : null);
    t.ok(engine.isUp());
  });
}
