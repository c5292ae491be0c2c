/**
 * What a disk may hold after its power failed, made from a record of what was done to it.
 *
 * Of a file: all that was synced, and of every later write all, nothing, or any of its sectors. Of a folder's changes:
 * those that were synced, and any beginning of the later ones. The call that was under way may be there, too.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Random } from '../model/random.js';
import { type Entry, isKept } from './disk-record.js';

/**
 * `posix`: a folder's changes are durable once that folder is synced. `ext4`: changes of all folders are one journal,
 * kept in order, and a sync of anything writes it.
 */
export type Mode = 'posix' | 'ext4';

const SECTOR_BYTES = 512;

interface Write {
  entry: number;
  offset: number;
  /** Undefined for a new size, `offset`. */
  bytes?: Buffer;
}

class File {
  #bytes = Buffer.alloc(0);
  #size = 0;
  /** Not synced yet, in order. */
  pending: Write[] = [];

  apply({ offset, bytes }: Write): void {
    const end = bytes === undefined ? offset : Math.max(this.#size, offset + bytes.length);
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    if (end < this.#size) this.#bytes.fill(0, end, this.#size);
    this.#size = end;
    bytes?.copy(this.#bytes, offset);
  }

  /** Makes durable what was written before an entry. */
  settle(before: number): void {
    for (const write of this.pending) if (write.entry < before) this.apply(write);
    this.pending = this.pending.filter(({ entry }) => entry >= before);
  }

  copy(): File {
    const copy = new File();
    copy.apply({ entry: 0, offset: 0, bytes: this.content() });
    return copy;
  }

  content = (): Buffer => this.#bytes.subarray(0, this.#size);
}

/** A change of a folder. */
interface Change {
  entry: number;
  removed?: string;
  added?: string;
  file?: File;
  folder?: string;
}

interface Folder {
  changes: Change[];
  durable: number;
}

/** A sync that a control leaves out. */
export type LeftOut = (entry: Entry, isFolder: boolean) => boolean;

/** What the disk holds when the power fails as entry `cut` is under way: contents by path, and folders. */
export function diskAfter(
  entries: readonly Entry[],
  cut: number,
  mode: Mode,
  random: Random,
  isLeftOut: LeftOut = () => false,
): { files: Map<string, Buffer>; folders: Set<string> } {
  const disk = openDisk(mode, isLeftOut);
  for (const [index, entry] of entries.slice(0, cut).entries()) disk.take(entry, index);
  const underWay = entries[cut];
  if (underWay?.kind.startsWith('written')) disk.take({ ...underWay, kind: 'written' }, cut);
  return disk.fail(random);
}

function openDisk(mode: Mode, isLeftOut: LeftOut) {
  const files = new Map<string, File>();
  const folders = new Map<string, Folder>();
  const journal: Folder = { changes: [], durable: 0 };

  const folderOf = (path: string): Folder => {
    if (mode === 'ext4') return journal;
    const found = folders.get(dirname(path)) ?? { changes: [], durable: 0 };
    folders.set(dirname(path), found);
    return found;
  };
  const change = (path: string, made: Change): void => {
    folderOf(path).changes.push(made);
  };
  const settleFolder = (folder: Folder | undefined, before: number): void => {
    while (folder && (folder.changes[folder.durable]?.entry ?? before) < before) folder.durable++;
  };
  const rename = (entry: number, from: string, to: string): void => {
    const file = files.get(from);
    files.delete(from);
    if (!file) throw new Error(`${from} was renamed, and is no file that was recorded`);
    files.set(to, file);
    if (dirname(from) === dirname(to)) change(to, { entry, removed: from, added: to, file });
    else {
      change(to, { entry, added: to, file });
      change(from, { entry, removed: from });
    }
  };
  const sync = (entry: Entry): void => {
    const file = files.get(entry.path);
    if (isLeftOut(entry, file === undefined)) return;
    file?.settle(entry.covers);
    if (mode === 'ext4') settleFolder(journal, entry.covers);
    else if (!file) settleFolder(folders.get(entry.path), entry.covers);
  };

  return {
    take(entry: Entry, index: number): void {
      const { kind, path, to, offset, bytes } = entry;
      if (!isKept(path) || path.endsWith(' (deleted)')) return;
      const file = files.get(path);
      if (kind === 'made') {
        const made = new File();
        files.set(path, made);
        change(path, { entry: index, added: path, file: made });
      } else if (kind === 'folder made') change(path, { entry: index, folder: path });
      else if (kind === 'removed') {
        files.delete(path);
        change(path, { entry: index, removed: path });
      } else if (kind === 'renamed') rename(index, path, to);
      else if (kind === 'synced') sync(entry);
      else if (kind === 'resized') file?.pending.push({ entry: index, offset });
      else if (kind === 'written') file?.pending.push({ entry: index, offset, bytes });
      else file?.apply({ entry: index, offset, bytes });
    },
    fail(random: Random) {
      const kept = (mode === 'ext4' ? [journal] : [...folders.values()]).flatMap(({ changes, durable }) =>
        changes.slice(0, random.between(durable, changes.length)),
      );
      const names = new Map<string, File>();
      const there = new Set<string>();
      for (const { removed, added, file, folder } of kept.sort((a, b) => a.entry - b.entry)) {
        if (removed !== undefined) {
          names.delete(removed);
          there.delete(removed);
        }
        if (added !== undefined && file) names.set(added, file);
        if (folder !== undefined) there.add(folder);
      }
      const left = [...names].map(([path, file]) => [path, torn(file, random)] as const);
      return { files: new Map(left), folders: there };
    },
  };
}

/** A file with any part of what was not synced. */
function torn(file: File, random: Random): Buffer {
  const left = file.copy();
  for (const write of file.pending) {
    const fate = random.below(3);
    if (fate === 0) continue;
    if (fate === 1 || write.bytes === undefined) left.apply(write);
    else for (const sector of sectorsOf(write)) if (random.oneIn(2)) left.apply(sector);
  }
  return left.content();
}

function* sectorsOf({ entry, offset, bytes = Buffer.alloc(0) }: Write): Generator<Write> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
    yield { entry, offset: offset + at, bytes: bytes.subarray(at, end) };
    at = end;
  }
}

/** Writes what a disk held under `from` into another folder; what lies in a folder that was lost is lost with it. */
export function writeDisk({ files, folders }: ReturnType<typeof diskAfter>, from: string, to: string): void {
  const isThere = (folder: string): boolean =>
    folder === from || (folders.has(folder) && isThere(dirname(folder)));
  const placed = (path: string): string => join(to, relative(from, path));
  for (const folder of folders) if (isThere(folder)) mkdirSync(placed(folder), { recursive: true });
  for (const [path, content] of files) if (isThere(dirname(path))) writeFileSync(placed(path), content);
}
