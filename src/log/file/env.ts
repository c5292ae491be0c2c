/** Opens the one LMDB file and hands out its named tables: byte keys, byte values, ordered by key. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { asBinary, type Database, type DatabaseOptions, open, type RootDatabase } from 'lmdb';
import { assertStore, DATA_FILE, prepareDataDir, reason, StoreUnusable } from './data-dir.js';
import { whatIsWrong } from './data-file.js';
import { newKeyMemory } from './keys.js';
import { saidToOlderRelease } from './older-release.js';

/**
 * Part of the store's format. Loading the library's own dictionary of 5 KB costs more than compressing a
 * batch does, and gains nothing on values that repeat themselves; there is no option for none.
 */
const COMPRESSION = { threshold: 200, dictionary: Buffer.alloc(8) };
/** Named tables LMDB reserves room for; far above what we open. */
const TABLES_MAX = 96;

export interface Range {
  /** Inclusive. */
  start?: Uint8Array;
  /** Exclusive. With `reverse`, `start` is the high end and still inclusive. */
  end?: Uint8Array;
  reverse?: true;
  limit?: number;
}

type ScanRange = Range & { start: Uint8Array; end: Uint8Array };

export interface Entry {
  key: Buffer;
  value: Buffer;
}

/** Memory that rows are put from as they lie in it: the library takes what is from `start` to `end`. */
export interface RowMemory extends Uint8Array {
  start: number;
  end: number;
}

/** Makes row memory of bytes. Copies bytes that do not begin their buffer: the library counts from there. */
export function rowMemory(bytes: Uint8Array): RowMemory {
  return Object.assign(bytes.byteOffset === 0 ? bytes : new Uint8Array(bytes), { start: 0, end: 0 });
}

/** Where in row memory a row's key and value lie. */
export interface RowSpan {
  key: number;
  keyEnd: number;
  value: number;
  valueEnd: number;
}

/** One named B+tree. `put` and `remove` are legal only inside `Env.transaction`. */
export type Table = ReturnType<typeof openTable>;
export type Env = ReturnType<typeof openEnv>;

interface EnvOptions {
  /**
   * `write`: for the holder of the writer lock, whose threads share what the first of them opened. `read`:
   * never writes, and is for a folder that no other process writes to: LMDB's library forgets a commit that
   * is made while another process opens the file (its ITS#9496). `scratch`: a throw-away store without fsync.
   */
  mode: 'write' | 'read' | 'scratch';
}

/**
 * Opens `<dataDir>/spyglass.mdb`. Throws `StoreUnusable` for a folder that holds something else, cannot be
 * written, or whose file LMDB does not recognise.
 */
export function openEnv(dataDir: string, options: EnvOptions) {
  if (options.mode === 'read') assertStore(dataDir);
  else prepareDataDir(dataDir);
  const path = join(dataDir, DATA_FILE);
  const root = openRoot(path, options);
  const tables = new Map<string, Table>();
  const transaction = (write: () => void): void => void root.transactionSync(write);
  return {
    dataDir,
    /** The table of that name, made if missing in a writable store. Always name it with the same options. */
    table(name: string, tableOptions?: { compressed: true }): Table {
      const known = tables.get(name) ?? openTable(root, name, tableOptions?.compressed === true);
      tables.set(name, known);
      return known;
    },
    /** Every table there is. */
    tableNames: () =>
      Array.from(root.getKeys({}) as Iterable<Uint8Array>, (key) =>
        Buffer.from(key).toString('latin1').replace(/\0$/, ''),
      ),
    /** Runs `write` and commits: durable when it returns, nothing of it kept when it throws. */
    transaction: (write: () => void) =>
      options.mode === 'write' ? saidToOlderRelease(dataDir, () => transaction(write)) : transaction(write),
    /** Lets the next read see the newest commit; reads up to the next call share one snapshot. */
    renewSnapshot: (): void => root.resetReadTxn(),
    fileBytes: () => statSync(path).size,
    /** A compacted copy of a consistent snapshot, while others write. */
    copyTo: (target: string) => root.backup(target, true),
    close: () => root.close(),
  };
}

function openRoot(path: string, options: EnvOptions): RootDatabase<Buffer, Uint8Array> {
  try {
    const wrong = existsSync(path) ? whatIsWrong(path) : undefined;
    if (wrong !== undefined) throw new Error(wrong);
    return open<Buffer, Uint8Array>({
      path,
      noSubdir: true,
      maxDbs: TABLES_MAX,
      encoding: 'binary',
      keyEncoding: 'binary',
      // Otherwise a reader, or a retry that finds its batch_id, sees what a power cut may still take back.
      overlappingSync: false,
      noSync: options.mode === 'scratch',
      readOnly: options.mode === 'read',
    });
  } catch (error) {
    throw new StoreUnusable(`cannot open ${path}: ${reason(error)}`);
  }
}

const keyMemory = newKeyMemory();

/** Lends parts of memory as buffers, one a length, which are reused. */
function openLending(): (bytes: Uint8Array, start: number, length: number) => Buffer {
  let memory: ArrayBufferLike | undefined;
  let base = 0;
  let lent: Buffer[] = [];
  return (bytes, start, length) => {
    const at = bytes.byteOffset + start;
    if (bytes.buffer !== memory || at !== base) {
      memory = bytes.buffer;
      base = at;
      lent = [];
    }
    const known = lent[length] ?? Buffer.from(memory, base, length);
    lent[length] = known;
    return known;
  };
}

const keyWriter = (key: Uint8Array, target: Uint8Array, start: number): number => {
  target.set(key, start);
  return start + key.length;
};

/** For rows that are lent. The library documents these options, but does not type them. */
function lendingOptions(): DatabaseOptions {
  const lendKey = openLending();
  const lendValue = openLending();
  const options = {
    keyEncoder: {
      writeKey: keyWriter,
      readKey: (bytes: Uint8Array, start: number, end: number) => lendKey(bytes, start, end - start),
    },
    encoder: {
      encode: (value: Uint8Array) => value,
      // The library's buffer for values has the value's length, but more memory.
      decode: (bytes: Uint8Array) => lendValue(bytes, 0, bytes.length),
    },
  };
  return options as DatabaseOptions;
}

function openTable(root: RootDatabase<Buffer, Uint8Array>, name: string, compressed: boolean) {
  const compression = compressed ? { compression: COMPRESSION } : {};
  const openWith = (options: DatabaseOptions): Database<Buffer, Uint8Array> =>
    root.openDB(name, { ...options, ...compression });
  const db = openWith({ encoding: 'binary', keyEncoding: 'binary' });
  const lending = openWith(lendingOptions());
  return {
    name,
    get: (key: Uint8Array): Buffer | undefined => db.getBinary(key),
    /** The same, lent as rows of a `scan` are. */
    lend: (key: Uint8Array): Buffer | undefined => lending.get(key),
    put: (key: Uint8Array, value: Uint8Array): void => void db.putSync(key, value as Buffer),
    /** The same for a row that lies in memory: nothing is made for it. */
    putFrom(memory: RowMemory, { key, keyEnd, value, valueEnd }: RowSpan): void {
      const length = keyEnd - key;
      for (let at = 0; at < length; at++) keyMemory.bytes[at] = memory[key + at] as number;
      memory.start = value;
      memory.end = valueEnd;
      db.putSync(keyMemory.upTo(length), asBinary(memory) as unknown as Buffer);
    },
    /** Copies a value into memory, if that has room; returns its length, 0 without a value. */
    copyInto(memory: Buffer, key: Uint8Array): number {
      const value = db.getBinaryFast(key);
      if (!value) return 0;
      // The library's buffer for values claims the value's length, but has more memory.
      const { length } = value;
      if (length <= memory.length) memory.set(new Uint8Array(value.buffer, value.byteOffset, length));
      return length;
    },
    remove: (key: Uint8Array): void => void db.removeSync(key),
    range: (range: Range) => db.getRange(range) as unknown as Iterable<Entry>,
    /**
     * The same by rows that are lent: the thread's next read or write of any table overwrites their bytes.
     * For thousands of rows, each of which would be a copy. Both bounds are given, since the least key is
     * unlike what the library takes for it.
     */
    scan: (range: ScanRange) => lending.getRange(range) as unknown as Iterable<Entry>,
    keys: (range: Range) => db.getKeys(range) as unknown as Iterable<Buffer>,
    /** The same by keys that are lent as rows of a `scan` are. */
    scanKeys: (range: ScanRange) => lending.getKeys(range) as unknown as Iterable<Buffer>,
    /** Empties the table; inside a transaction. */
    clear: () => db.clearSync(),
    /** Removes the table, which is not used again; inside a transaction. */
    drop: () => db.dropSync(),
    entryCount: () => (db.getStats() as { entryCount: number }).entryCount,
  };
}
