/** A real Chromium for tests: the system's where there is one, else the one that npm brings. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type LaunchOptions } from 'playwright-core';

const SYSTEM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Nothing of a browser that calls out by itself, or needs a screen. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a headless browser; the caller closes it. `SPYGLASS_CHROMIUM` names another executable. */
export async function launchBrowser(options: LaunchOptions = {}): Promise<Browser> {
  const { SPYGLASS_CHROMIUM: named } = process.env;
  const system = named ?? SYSTEM.find((path) => existsSync(path));
  if (system !== undefined) return chromium.launch({ executablePath: system, args: ARGS, ...options });
  const { default: packaged } = await import('@sparticuz/chromium');
  // It knows of arguments of its own, which turn off the web's security.
  const executablePath = await packaged.executablePath();
  return chromium.launch({ executablePath, args: ['--no-sandbox'], ...options });
}
