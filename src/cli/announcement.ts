/** What `serve` prints once it is up: the dashboard's address, each app's key, and a command to try. */
import { styleText } from 'node:util';
import type { Config } from '../config/config.js';
import { keysOf } from '../ingest/keyring.js';

/** The text for standard output; `styled` is for a terminal that shows colours. */
export function announcement(config: Config, url: string, styled: boolean): string {
  const style = (format: 'bold' | 'dim' | 'cyan', text: string) => (styled ? styleText(format, text) : text);
  const row = (label: string, value: string) => `  ${style('dim', label.padEnd(10))} ${value}\n`;
  const apps = Object.entries(config.apps).map(([name, app]) => [name, keysOf(app)[0] ?? ''] as const);
  const [name, key] = apps[0] ?? ['', ''];
  const rows = apps.map(([app, key]) => row('app', app) + row('key', key));
  return [
    `\n${style('bold', 'spyglass is running.')}\n\n`,
    row('dashboard', style('cyan', `${url}/`)),
    ...rows,
    row('data', config.dataDir),
    '\nSend it an event:\n\n',
    `  ${curl(url, name, key)}\n\n`,
    `${style('dim', 'Ctrl-C stops it. `npx spyglass demo` fills it with a made-up month.')}\n\n`,
  ].join('');
}

/** A command that works when pasted into a shell. */
function curl(url: string, app: string, key: string): string {
  const event = {
    user_id: 'alice',
    session_id: 's_first',
    type: 'event',
    name: 'invoice_created',
    url: '/invoices/new',
    props: { amount: 1200 },
  };
  const body = JSON.stringify({ app, key, events: [event] }).replaceAll("'", "'\\''");
  return `curl -i ${url}/v1/events -d '${body}'`;
}
