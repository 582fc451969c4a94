/** Tables that others wrote, with the rows that every reader should see: found on this machine or skipped. */

import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import {
  isDeltaError,
  isJsonObject,
  type JsonValue,
  ManualClock,
  parseJson,
  seededRandom,
} from '../../src/base/index.ts';
import { createEngine, type Engine, type Session } from '../../src/engine/index.ts';
import { localStore } from '../../src/store/index.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { append } from '../../src/table/ops/append.ts';
import { changesChecksum } from '../../src/table/ops/changes.ts';
import { checksum } from '../../src/table/ops/checksum.ts';
import type { TableContext } from '../../src/table/types.ts';

export interface CorpusTable {
  readonly id: string;
  readonly category: string;
}

export type CorpusOutcome =
  | { readonly kind: 'equal' }
  /** The feature gate does not admit the table. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | { readonly kind: 'different'; readonly reason: string }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

export interface CorpusResult {
  readonly id: string;
  /** Null for the newest one. */
  readonly version: number | null;
  readonly rows: number | null;
  readonly sha256: string | null;
  readonly outcome: CorpusOutcome;
}

/** The corpus on this machine, or null: `DELTA_CORPUS`, else beside the project. */
export function corpusDirectory(): string | null {
  const beside = fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
  const directory = process.env['DELTA_CORPUS'] ?? beside;
  return existsSync(join(directory, 'manifest.json')) ? directory : null;
}

/** The tables whose rows are known, in the order of the manifest. */
export async function readableTables(directory: string): Promise<readonly CorpusTable[]> {
  return (await allTables(directory)).filter(({ category }) => category === 'readable');
}

/** The tables that must be refused, or read and not written to. */
export async function negativeTables(directory: string): Promise<readonly CorpusTable[]> {
  return (await allTables(directory)).filter(({ category }) => category === 'negative');
}

/** What came of one table at one version, or of its changes. */
export type CorpusLine = {
  readonly id: string;
  /** Null where the newest one cannot be opened. */
  readonly version: number | null;
  readonly latest: boolean;
  /** Whether it tells of the rows that changed from version 0 to this one, and not of those of the version. */
  readonly changes?: true;
} & (
  | {
      readonly rows: number;
      readonly sha256: string;
      /** Why nothing was appended to a copy; null where something was. Only of tables that writers must refuse. */
      readonly append?: Refusal | null;
    }
  | (Refusal & Partial<LogFacts>)
);

interface Refusal {
  /** For people. */
  readonly error: string;
  readonly code: string;
}

/** What the log tells where the files that it names are not there. */
interface LogFacts {
  readonly files: number;
  readonly sizeBytes: number;
}

/**
 * Every table of a directory that is laid out as the corpus, at its newest version and at those that its expectations
 * list, and its changes where they have them. Never throws for what is wrong with a table.
 */
export async function* readCorpus(
  directory: string,
  { nameHolds = '' }: { readonly nameHolds?: string } = {},
): AsyncGenerator<CorpusLine> {
  const engine = await sharedSessionEngine();
  try {
    for (const table of await allTables(directory)) {
      if (table.id.includes(nameHolds)) yield* readTable(directory, table, engine);
    }
  } finally {
    await engine.close();
  }
}

/** By the manifest where there is one; else all folders that have a log. */
async function allTables(directory: string): Promise<readonly CorpusTable[]> {
  if (existsSync(join(directory, 'manifest.json'))) {
    const manifest = parseJson(await readFile(join(directory, 'manifest.json'), 'utf8'));
    return (Array.isArray(manifest) ? manifest : []).flatMap((entry: JsonValue) => {
      const { id, category } = isJsonObject(entry) ? entry : {};
      return typeof id === 'string' && typeof category === 'string' ? [{ id, category }] : [];
    });
  }
  const root = join(directory, 'tables');
  const folders = await Promise.all(
    (await readdir(root)).map(async (source) =>
      (await readdir(join(root, source))).map((table) => `${source}/${table}`),
    ),
  );
  const ids = folders.flat().filter((id) => existsSync(join(root, id, '_delta_log')));
  return ids.sort().map((id) => ({ id, category: 'unknown' }));
}

async function* readTable(
  directory: string,
  { id, category }: CorpusTable,
  engine: Engine,
): AsyncGenerator<CorpusLine> {
  const ctx = contextOf(join(directory, 'tables', id), engine);
  const expected = existsSync(join(directory, 'expected', `${id}.json`));
  const newest = await readLine(ctx, null);
  const isWriteTried = category === 'negative' && 'sha256' in newest;
  const tried = isWriteTried ? { append: await tryAppend(directory, id, engine) } : {};
  yield { id, latest: true, ...newest, ...tried };
  for (const { version } of expected ? await expectations(directory, id) : []) {
    if (version === null || version === newest.version) continue;
    yield { id, latest: false, ...(await readLine(ctx, version)) };
  }
  if (!expected || (await changeDigests(directory, id)).length === 0) return;
  const changes = await orRefusal(async () => {
    const { rowCount, sha256 } = await changesChecksum(ctx, await openSnapshot(ctx), {
      fromVersion: 0,
    });
    return { rows: rowCount, sha256 };
  });
  yield { id, version: newest.version, latest: true, changes: true, ...changes };
}

type ReadLine = { readonly version: number | null } & (
  { readonly rows: number; readonly sha256: string } | (Refusal & Partial<LogFacts>)
);

async function readLine(ctx: TableContext, wanted: number | null): Promise<ReadLine> {
  const opened = await orRefusal(async () => {
    const snapshot = await openSnapshot(ctx, wanted === null ? {} : { version: wanted });
    return { snapshot };
  });
  if (!('snapshot' in opened)) return { version: wanted, ...opened };
  const { snapshot } = opened;
  const { version, fileCount: files, sizeBytes } = snapshot;
  const found = await orRefusal(async () => {
    const { rowCount, sha256 } = await checksum(ctx, snapshot);
    return { rows: rowCount, sha256 };
  });
  return 'error' in found ? { version, ...found, files, sizeBytes } : { version, ...found };
}

/**
 * Appends a row to a copy of a table: why it was refused, or null where it was not. A refusal after something was written
 * counts as none.
 */
async function tryAppend(directory: string, id: string, engine: Engine): Promise<Refusal | null> {
  const folder = await mkdtemp(join(tmpdir(), 'deltawright-corpus-'));
  try {
    await cp(join(directory, 'tables', id), folder, { recursive: true });
    const before = await filesBelow(folder);
    const refusal = await orRefusal(async () => {
      const ctx = contextOf(folder, engine);
      const row = Object.fromEntries((await openSnapshot(ctx)).schema.fields.map(nullOf));
      await append(ctx, await openSnapshot(ctx), { rows: [row] });
      return null;
    });
    const after = await filesBelow(folder);
    return JSON.stringify(after) === JSON.stringify(before) ? refusal : null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function nullOf({ name }: { readonly name: string }): readonly [string, null] {
  return [name, null];
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).toSorted();
}

/** What came of a table that must be refused. */
export async function checkNegative(
  directory: string,
  id: string,
  engine: Engine,
): Promise<CorpusLine> {
  for await (const line of readTable(directory, { id, category: 'negative' }, engine)) return line;
  throw new Error(`no line for ${id}`);
}

async function orRefusal<T>(work: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    const code = isDeltaError(error) ? error.code : 'UNEXPECTED';
    return { error: error instanceof Error ? error.message : String(error), code };
  }
}

/** An engine whose one session stays open: opening one for each version would cost more than the reading. */
export async function sharedSessionEngine(): Promise<Engine> {
  const engine = createEngine({ threads: 2 });
  const session = await engine.openSession();
  const shared: Session = {
    tempDirectory: session.tempDirectory,
    run: (sql, options) => session.run(sql, options),
    query: (sql, options) => session.query(sql, options),
    stream: (sql, options) => session.stream(sql, options),
    close: () => Promise.resolve(),
  };
  return { openSession: () => Promise.resolve(shared), close: () => engine.close() };
}

/** Reads one table at its newest and each listed version. */
export async function* checkTable(
  directory: string,
  id: string,
  engine: Engine,
): AsyncGenerator<CorpusResult> {
  const ctx = contextOf(join(directory, 'tables', id), engine);
  for (const expected of await expectations(directory, id)) {
    const result = await readVersion(ctx, expected);
    yield { id, version: expected.version, ...result };
    if (result.outcome.kind === 'refused' && expected.version === null) return;
  }
}

interface Expectation {
  readonly version: number | null;
  readonly rows: number;
  /** Null where the corpus only counts. */
  readonly sha256: string | null;
}

async function expectations(directory: string, id: string): Promise<readonly Expectation[]> {
  const document = parseJson(await readFile(join(directory, 'expected', `${id}.json`), 'utf8'));
  if (!isJsonObject(document)) return [];
  const versions = isJsonObject(document['versions']) ? document['versions'] : {};
  return [
    expectation(null, document['latest']),
    ...Object.entries(versions).map(([version, entry]) => expectation(Number(version), entry)),
  ].filter((entry) => entry !== null);
}

function expectation(version: number | null, entry: JsonValue | undefined): Expectation | null {
  const expected = isJsonObject(entry) ? entry['expected'] : undefined;
  if (!isJsonObject(expected)) return null;
  const { rows, sha256 } = expected;
  if (typeof rows !== 'number') return null;
  return { version, rows, sha256: typeof sha256 === 'string' ? sha256 : null };
}

async function readVersion(
  ctx: TableContext,
  { version, rows, sha256 }: Expectation,
): Promise<Pick<CorpusResult, 'rows' | 'sha256' | 'outcome'>> {
  try {
    const snapshot = await openSnapshot(ctx, version === null ? {} : { version });
    const found = await checksum(ctx, snapshot);
    const equal = found.rowCount === rows && (sha256 === null || found.sha256 === sha256);
    const reason = `expected ${String(rows)} rows, ${sha256 ?? 'any'}`;
    const outcome: CorpusOutcome = equal ? { kind: 'equal' } : { kind: 'different', reason };
    return { rows: found.rowCount, sha256: found.sha256, outcome };
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    const kind = error.code === 'FEATURE_UNSUPPORTED' ? 'refused' : 'failed';
    return { rows: null, sha256: null, outcome: { kind, code: error.code, reason: error.message } };
  }
}

function contextOf(folder: string, engine: Engine): TableContext {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const options = { clock, random, durable: false };
  return {
    store: localStore(folder, options),
    clock,
    random,
    engine: () => Promise.resolve(engine),
    resolve: (uri) => {
      const file = fileURLToPath(uri.startsWith('file:') ? uri : pathToFileURL(uri));
      return Promise.resolve({ store: localStore('/', options), path: file.slice(1) });
    },
  };
}

/** Tables whose changes from their first version on are known. */
export async function tablesWithChanges(directory: string): Promise<readonly CorpusTable[]> {
  const tables = await readableTables(directory);
  const known = await Promise.all(
    tables.map(async ({ id }) => (await changeDigests(directory, id)).length > 0),
  );
  return tables.filter((_, index) => known[index]);
}

/** Reads a table's changes: equal where the digest is that of an engine, which has to be the one that is right. */
export async function checkChanges(
  directory: string,
  id: string,
  engine: Engine,
): Promise<{ readonly sha256: string; readonly expected: readonly string[] }> {
  const ctx = contextOf(join(directory, 'tables', id), engine);
  const snapshot = await openSnapshot(ctx);
  const { sha256 } = await changesChecksum(ctx, snapshot, { fromVersion: 0 });
  return { sha256, expected: await changeDigests(directory, id) };
}

/** Of the engine that knows all the ways of padding vectors, if it could read the changes, else of the other. */
async function changeDigests(directory: string, id: string): Promise<readonly string[]> {
  const document = parseJson(await readFile(join(directory, 'expected', `${id}.json`), 'utf8'));
  const engines = isJsonObject(document) ? document['cdfFrom0'] : undefined;
  if (!isJsonObject(engines)) return [];
  const digests = [engines['deltars'], engines['spark']].flatMap((found) =>
    isJsonObject(found) && typeof found['sha256'] === 'string' ? [found['sha256']] : [],
  );
  return digests.slice(0, 1);
}
