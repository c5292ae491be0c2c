/**
 * Preloaded into a process (`node --import`), notes every connection that one of its threads begins, and every name it looks
 * up, a line each in the file `SPYGLASS_OUTGOING`; and a line for each thread it was loaded into.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { threadId } from 'node:worker_threads';

const file = process.env.SPYGLASS_OUTGOING ?? '';
const note = (line: string) => appendFileSync(file, `${line}\n`);

/** Puts `look` before a function of an object. */
function before(object: object, name: string, look: (args: readonly unknown[]) => void): void {
  const original: unknown = Reflect.get(object, name);
  if (typeof original !== 'function') throw new Error(`there is no ${name} to watch`);
  Reflect.set(object, name, function watched(this: unknown, ...args: unknown[]) {
    look(args);
    return Reflect.apply(original, this, args);
  });
}

before(net.Socket.prototype, 'connect', ([first]) => {
  const options = Array.isArray(first) ? first[0] : first;
  // A socket of the file system leads nowhere else: the writer's lock is one.
  if (typeof options === 'object' && options !== null && 'path' in options && options.path) return;
  note(`connect ${JSON.stringify(options)}`);
});
before(dgram.Socket.prototype, 'send', () => note('send'));
for (const resolver of [dns, dns.promises]) {
  for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6', 'resolveTxt', 'resolveSrv'])
    before(resolver, name, ([host]) => net.isIP(String(host)) === 0 && note(`${name} ${String(host)}`));
}
syncBuiltinESMExports();
note(`thread ${threadId}`);
