/** What is fuzzed: each case ends in an error with a code, or in what is right. Anything else is thrown as it is. */

import { crc32 } from 'node:zlib';

import { isDeltaError, ManualClock, type Random, seededRandom } from '../../src/base/index.ts';
import {
  type Action,
  commitPath,
  decodeVector,
  type DeletionVectorDescriptor,
  printCommit,
  unframeVector,
  vectorPlace,
} from '../../src/log/index.ts';
import { decodeFooter, memorySource, readFooter, readRows } from '../../src/parquet/index.ts';
import { rowsToArrow, writeParquet } from '../../src/parquet/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openMetadata, openSnapshot } from '../../src/table/open.ts';
import type { Snapshot } from '../../src/table/types.ts';
import { portableVector } from '../log/vectors.ts';
import {
  addAction,
  appendSpec,
  commit,
  contextOf,
  newTable,
  removeAction,
} from '../table/context.ts';
import { compact, writeHint, writeV2 } from '../table/log-writer.ts';
import { blank, below, garbage, mutate, mutateJson, pick, truncate } from './mutate.ts';

/** A case: what came of it, in a word, to be counted. */
export type Target = (random: Random) => Promise<string>;

/** A target, with what it is tried on made once. */
export interface FuzzTarget {
  readonly name: string;
  readonly prepare: () => Promise<Target>;
}

/** The code of an error that says what is wrong; bugs and other errors are thrown on. */
async function refused(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (!isDeltaError(error) || error.kind === 'internal') throw error;
    if (error.message.length < 20) throw new Error('an error without a reason', { cause: error });
    return error.code;
  }
}

type Files = ReadonlyMap<string, Uint8Array>;

async function storeOf(files: Files): Promise<ObjectStore> {
  const store = memoryStore({ clock: new ManualClock() });
  for (const [path, bytes] of files) await store.put(path, bytes, { kind: 'overwrite' });
  return store;
}

async function filesOf(store: ObjectStore): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for await (const { path } of store.list('', { recursive: true })) {
    files.set(path, (await store.get(path)).bytes);
  }
  return files;
}

function pathsOf(snapshot: Snapshot): string {
  return Array.from(snapshot.files(), ({ path, size }) => `${path} ${size}`)
    .sort()
    .join('\n');
}

type Shortcut = 'classic' | 'json' | 'sidecars';

/** A table of eleven versions, with a checkpoint in the middle. */
async function tableWith(shortcut: Shortcut | null): Promise<Files> {
  const clock = new ManualClock();
  const ctx = contextOf(memoryStore({ clock }), clock);
  let snapshot = await newTable(ctx, { properties: { 'delta.checkpointInterval': '1000' } });
  for (let version = 1; version <= 10; version += 1) {
    const gone = version > 5 ? [removeAction(`p=a%20b/${version - 5}.parquet`)] : [];
    const actions = [
      addAction(`p=a%20b/${version}.parquet`, { stats: '{"numRecords":3}' }),
      ...gone,
    ];
    const txn = { appId: 'app', version };
    ({ snapshot } = await commit(ctx, snapshot, { ...appendSpec(), actions, txn }));
    if (version !== 7 || shortcut === null) continue;
    if (shortcut === 'classic') await writeCheckpoint(ctx, snapshot);
    else {
      const spec = { format: 'json', sidecars: shortcut === 'json' ? 0 : 2 } as const;
      await writeHint(ctx.store, 7, await writeV2(ctx, 7, spec));
    }
  }
  if (shortcut !== null) await compact(ctx.store, 8, 10);
  return filesOf(ctx.store);
}

async function open(files: Files): Promise<Snapshot> {
  return openSnapshot(contextOf(await storeOf(files)));
}

/** Some file of the log is broken: shortcuts by tearing, so that their content is not another one. */
function brokenLog(shortcut: Shortcut): FuzzTarget {
  return {
    name: `a log with shortcuts (${shortcut})`,
    prepare: async () => {
      const files = await tableWith(shortcut);
      const right = pathsOf(await open(files));
      const shortcuts = [...files.keys()].filter(
        (path) => !/\/\d{20}\.json$/.test(path) && path !== commitPath(0),
      );
      return (random) =>
        refused(async () => {
          const path = pick(random, shortcuts);
          const bytes = files.get(path) ?? new Uint8Array();
          const how = pick(random, path.endsWith('.parquet') ? TORN : [...TORN, mutateJson]);
          const isText = how === mutateJson;
          const broken = new Map(files).set(path, how(bytes, random));
          const found = await openSnapshot(contextOf(await storeOf(broken)));
          await openMetadata(contextOf(await storeOf(broken)));
          if (pathsOf(found) === right) return 'right';
          // A text that was changed to another valid one says something else, and nothing tells.
          if (isText || isCutAtLine(bytes, broken.get(path))) return 'changed';
          throw new Error(`wrong files where ${path} is torn`);
        });
    },
  };
}

const TORN = [truncate, blank, garbage] as const;

/** A text that ends where a line does, or has a line blanked, looks whole. */
function isCutAtLine(before: Uint8Array, after: Uint8Array | undefined): boolean {
  if (after === undefined || before[0] !== 0x7b) return false;
  const rest = new TextDecoder().decode(after).split('\n');
  const whole = new Set(new TextDecoder().decode(before).split('\n'));
  return rest.every((line) => whole.has(line) || isLenient(line));
}

function isLenient(line: string): boolean {
  return line.trim() === '' || line.startsWith('{');
}

/** Commits are broken: what is read is what a plain reader makes of the same bytes. */
const BROKEN_COMMITS: FuzzTarget = {
  name: 'commits',
  prepare: async () => {
    const files = await tableWith(null);
    const commits = [...files.keys()].filter((path) => path.endsWith('.json'));
    return (random) =>
      refused(async () => {
        const broken = new Map(files);
        for (let count = 1 + below(random, 2); count > 0; count -= 1) {
          const path = pick(random, commits);
          if (random.float() < 0.05) broken.delete(path);
          else broken.set(path, mutateJson(broken.get(path) ?? new Uint8Array(), random));
        }
        const snapshot = await open(broken);
        const expected = plainReplay(broken, snapshot.version);
        if (expected === null) return 'lenient';
        if (expected !== pathsOf(snapshot)) throw new Error('another reader sees other files');
        return 'right';
      });
  },
};

/** The live files by nothing but `JSON.parse`; null where it does not read a line. */
function plainReplay(files: Files, latest: number): string | null {
  const live = new Map<string, string>();
  try {
    for (let version = 0; version <= latest; version += 1) {
      const text = new TextDecoder().decode(files.get(commitPath(version)));
      for (const line of text.split('\n')) {
        if (line.trim() === '') continue;
        const { add, remove } = JSON.parse(line) as Readonly<
          Record<string, { path: string; size: number } | null | undefined>
        >;
        if (add !== null && add !== undefined) {
          live.set(decodeURIComponent(add.path), `${add.path} ${add.size}`);
        }
        if (remove !== null && remove !== undefined) live.delete(decodeURIComponent(remove.path));
      }
    }
  } catch {
    // More is read than the plain way reads: text behind the object of a line, bare percent signs.
    return null;
  }
  return [...live.values()].sort().join('\n');
}

const ROWS = 70_000;

/** Vectors in files have a checksum: they are right or refused. Those in the log have none, and stay within the file. */
const VECTORS: FuzzTarget = {
  name: 'deletion vectors',
  prepare: async () => {
    const few = [0, 1, 2, 3, 100, 4_000, 65_535, 65_536, 69_999];
    const many = Array.from({ length: 9_000 }, (_, index) => index * 7);
    const vectors = [
      { rows: few, blob: portableVector(few, 'array') },
      { rows: few, blob: portableVector(few, 'runs') },
      { rows: many, blob: portableVector(many, 'bits') },
    ];
    return (random) => refused(async () => vectorCase(pick(random, vectors), random));
  },
};

function vectorCase(
  { rows, blob }: { readonly rows: readonly number[]; readonly blob: Uint8Array },
  random: Random,
): string {
  const descriptor: DeletionVectorDescriptor = {
    storageType: 'u',
    pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
    offset: 1,
    sizeInBytes: blob.length,
    cardinality: rows.length,
  };
  const right = Buffer.from(decodeVector(blob, descriptor, ROWS));
  if (random.float() < 0.5) {
    const framed = Buffer.alloc(blob.length + 8);
    framed.writeUInt32BE(blob.length, 0);
    framed.set(blob, 4);
    framed.writeUInt32BE(crc32(blob), blob.length + 4);
    const read = unframeVector(mutate(framed, random), descriptor);
    if (!right.equals(decodeVector(read, descriptor, ROWS))) throw new Error('wrong rows');
    return 'right';
  }
  if (random.float() < 0.3) {
    const text = new TextDecoder('latin1').decode(mutate(Buffer.from('0rJua!z%xQ'), random));
    const storageType = pick(random, ['i', 'u', 'p', 'x']);
    vectorPlace({ ...descriptor, storageType, pathOrInlineDv: text, sizeInBytes: 8 });
    return 'placed';
  }
  const bits = decodeVector(mutate(blob, random), descriptor, ROWS);
  let count = 0;
  for (const byte of bits) for (let left = byte; left > 0; left &= left - 1) count += 1;
  if (count !== rows.length || bits.length !== right.length)
    throw new Error('another number of rows');
  return right.equals(bits) ? 'right' : 'changed';
}

/** Footers are read or refused; what is torn is always refused. */
const FOOTERS: FuzzTarget = {
  name: 'Parquet footers',
  prepare: async () => {
    const file = await parquetFile();
    const right = await readAll(file);
    const length = new DataView(file.buffer, file.byteOffset).getUint32(file.length - 8, true);
    const start = file.length - 8 - length;
    const footer = file.subarray(start, file.length - 8);
    return (random) =>
      refused(async () => {
        const changed = mutate(footer, random);
        if (random.float() < 0.3) {
          decodeFooter(changed, { file: 'file', fileSizeBytes: file.length });
          return 'decoded';
        }
        const tail = Buffer.alloc(8);
        tail.writeUInt32LE(changed.length);
        tail.write('PAR1', 4);
        const whole = Buffer.concat([file.subarray(0, start), changed, tail]);
        return (await readAll(whole)) === right ? 'right' : 'changed';
      });
  },
};

/** A file that is cut short or blanked at its end is refused; changed pages are read or refused. */
const PARQUET_FILES: FuzzTarget = {
  name: 'Parquet files',
  prepare: async () => {
    const file = await parquetFile();
    const right = await readAll(file);
    return (random) =>
      refused(async () => {
        if (random.float() < 0.3) {
          await readAll(truncate(file, random));
          throw new Error('a file that was cut short was read');
        }
        return (await readAll(mutate(file, random))) === right ? 'right' : 'changed';
      });
  },
};

const READ_ROWS_MAX = 100_000;

/** The rows of a file as one text. */
async function readAll(file: Uint8Array): Promise<string> {
  const source = memorySource('file', file);
  const footer = await readFooter(source);
  const rows: unknown[] = [];
  for await (const row of readRows(source, footer)) {
    rows.push(row);
    if (rows.length > READ_ROWS_MAX) throw new Error('more rows than bytes');
  }
  return JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

async function parquetFile(): Promise<Uint8Array> {
  const schema = parseDdl(
    'id string, n bigint, tags array<string>, m map<string, int>, s struct<a: double>',
  );
  const rows = Array.from({ length: 20 }, (_, n) => ({
    id: `id ${n % 7}`,
    n: BigInt(n),
    tags: n % 3 === 0 ? null : ['x', 'y'],
    m: new Map([['k', n]]),
    s: { a: n / 2 },
  }));
  return writeParquet(await rowsToArrow(schema, rows));
}

/** Actions by chance, of wrong types and sizes too, as lines. */
const LINES: FuzzTarget = {
  name: 'lines of actions',
  prepare: async () => {
    const actions: readonly Action[] = [
      addAction('a'),
      removeAction('b'),
      { kind: 'txn', txn: { appId: 'x', version: 1 } },
    ];
    const files = await tableWith(null);
    const line = printCommit(actions);
    return (random) =>
      refused(async () => {
        let bytes = line;
        for (let count = 1 + below(random, 6); count > 0; count -= 1)
          bytes = mutateJson(bytes, random);
        const last = commitPath(11);
        const broken = new Map(files).set(last, bytes);
        const snapshot = await open(broken);
        const expected = plainReplay(broken, snapshot.version);
        if (expected === null) return 'lenient';
        if (expected !== pathsOf(snapshot)) throw new Error('another reader sees other files');
        return 'right';
      });
  },
};

export const TARGETS: readonly FuzzTarget[] = [
  BROKEN_COMMITS,
  LINES,
  brokenLog('classic'),
  brokenLog('json'),
  brokenLog('sidecars'),
  VECTORS,
  FOOTERS,
  PARQUET_FILES,
];

/** A case takes no longer than this, in milliseconds, on a machine that is busy. */
const CASE_MS_MAX = 5_000;

/** Runs one case by its seed; the error names both. */
export async function runCase(name: string, target: Target, seed: number): Promise<string> {
  const begin = performance.now();
  let outcome: string;
  try {
    outcome = await target(seededRandom(seed));
  } catch (error) {
    throw new Error(`${name}, seed ${seed}: ${String(error)}`, { cause: error });
  }
  const tookMs = performance.now() - begin;
  if (tookMs > CASE_MS_MAX) throw new Error(`${name}, seed ${seed}: took ${tookMs.toFixed(0)} ms`);
  return outcome;
}
