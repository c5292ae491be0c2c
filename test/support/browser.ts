/** A real Chromium for tests: the system's, or the one that `SPYGLASS_CHROMIUM` names. */
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

/** Starts a headless browser; the caller closes it. */
export async function launchBrowser(options: LaunchOptions = {}): Promise<Browser> {
  const { SPYGLASS_CHROMIUM: named } = process.env;
  const executablePath = named ?? SYSTEM.find((path) => existsSync(path)) ?? SYSTEM[0] ?? '';
  return chromium.launch({ executablePath, args: ARGS, ...options });
}
