/** Reads CHANGELOG.md, whose sections are `## [Unreleased]` and then a released version each, `## [1.2.0] - 2026-07-01`, newest first. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

const FILE = join(ROOT, 'CHANGELOG.md');
const UNRELEASED = '## [Unreleased]\n';

/** Each section: the version or `Unreleased`, and its text. */
export function sections() {
  const [, ...parts] = readFileSync(FILE, 'utf8').split(/^## \[/m);
  return parts.map((part) => {
    const [, version, text] = /^([^\]]+)\][^\n]*\n(.*)$/s.exec(part);
    return { version, text: text.trim() };
  });
}

/** Makes what is unreleased the section of a version, of today. Throws where nothing is. */
export function release(version) {
  const [first] = sections();
  if (first?.version !== 'Unreleased' || first.text === '')
    throw new Error('CHANGELOG.md has nothing under Unreleased');
  const today = new Date().toISOString().slice(0, 10);
  const whole = readFileSync(FILE, 'utf8');
  writeFileSync(FILE, whole.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${today}\n`));
}
