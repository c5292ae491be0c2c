/** The browser SDK's script and its chunks, as its build left them: read once, then served from memory. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** The one file whose name does not change with its content. */
const ENTRY = 'spyglass.js';

export interface SdkFile {
  /** The name says which content it is, so that no browser need ask again. */
  immutable: boolean;
  etag: string;
  plain: Buffer;
  gzipped: Buffer;
}

/** The files of a folder by name; none where the SDK was not built. */
export function readSdkFiles(folder: string): ReadonlyMap<string, SdkFile> {
  return new Map(namesIn(folder).map((name) => [name, sdkFile(name, readFileSync(join(folder, name)))]));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.js'));
  } catch {
    return [];
  }
}

function sdkFile(name: string, plain: Buffer): SdkFile {
  const digest = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return { immutable: name !== ENTRY, etag: `"${digest}"`, plain, gzipped: gzipSync(plain, { level: 9 }) };
}
