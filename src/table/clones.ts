/**
 * Shallow clones of a table, as the table itself knows them: one small file each below `_delta_log/_clones`, written before
 * the clone is, so that a vacuum asks it what it needs. Readers of the log look into no folder of that name.
 */

import { isDeltaError, isJsonObject, type JsonValue, parseJson, printJson } from '../base/index.ts';
import { LOG_FOLDER } from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import { openSnapshot } from './open.ts';
import { cloneUnreadable } from './ops/housekeeping-errors.ts';
import { deletedFileRetentionMs } from './properties.ts';
import { pathsOfFile, retainedPaths } from './retained-files.ts';
import { encodedRoot, keyBelow } from './stored-file.ts';
import type { TableContext } from './types.ts';

const FOLDER = `${LOG_FOLDER}/_clones`;
/** A clone that is still being written has no log yet. */
const UNDER_WAY_MS = 86_400_000;
/** Clones of clones of clones. */
const DEPTH_MAX = 16;

export interface CloneRecord {
  /** Where the clone is. */
  readonly table: string;
  /** The clone's own id. */
  readonly tableId: string;
  /** The table that was cloned, as the clone's paths spell it. */
  readonly source: string;
  readonly sourceVersion: number;
}

/** Notes a clone that is about to be made; answers how to forget it. Errors: those of the store. */
export async function recordClone(
  { store }: TableContext,
  record: CloneRecord,
): Promise<() => Promise<void>> {
  const path = `${FOLDER}/${record.tableId}.json`;
  const bytes = new TextEncoder().encode(printJson({ ...record }));
  await store.put(path, bytes, { kind: 'overwrite' });
  return () => store.delete([path]);
}

/**
 * Keys below the table of the files that its shallow clones, and clones of these, need. A clone that was replaced by another
 * table needs nothing; those in `forget`, by their paths or URIs, are taken from the record. Errors: `VACUUM_CLONE_UNREADABLE`.
 */
export async function keysOfClones(
  ctx: TableContext,
  { forget, dryRun }: { readonly forget: readonly string[]; readonly dryRun: boolean },
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const forgotten = await placesOf(ctx, forget);
  for (const { meta, record } of await records(ctx.store)) {
    if (forgotten.has(record.table)) {
      if (!dryRun) await ctx.store.delete([meta.path]);
      continue;
    }
    const roots = [record.source, encodedRoot(ctx.store)];
    const paths = pathsOfClone(ctx, { meta, record }, { depth: 1, newestOnly: false });
    for await (const path of paths) {
      for (const root of roots) {
        const key = keyBelow(root, path, { isOwn: false });
        if (key !== null) keys.add(key);
      }
    }
  }
  return keys;
}

/** A shallow clone, by its URI, and the key of a file below the table that its newest version reads. */
export interface CloneRead {
  readonly clone: string;
  readonly key: string;
}

/**
 * Which of the files the newest versions of shallow clones read: of those on record, but for those in `forget`, and of those in
 * `also`, by their paths or URIs. Errors: `VACUUM_CLONE_UNREADABLE`.
 */
export async function readsOfClones(
  ctx: TableContext,
  keys: ReadonlySet<string>,
  { forget, also }: { readonly forget: readonly string[]; readonly also: readonly string[] },
): Promise<readonly CloneRead[]> {
  const reads: CloneRead[] = [];
  const forgotten = await placesOf(ctx, forget);
  const take = async (
    clone: string,
    roots: readonly string[],
    paths: AsyncIterable<string>,
  ): Promise<void> => {
    for await (const path of paths) {
      const found = roots.map((root) => keyBelow(root, path, { isOwn: false }));
      const key = found.find((it) => it !== null && keys.has(it)) ?? null;
      if (key !== null) reads.push({ clone, key });
    }
  };
  const own = encodedRoot(ctx.store);
  for (const recorded of await records(ctx.store)) {
    const { table, source } = recorded.record;
    if (forgotten.has(table)) continue;
    const paths = pathsOfClone(ctx, recorded, { depth: 1, newestOnly: true });
    await take(table, [source, own], paths);
  }
  for (const uri of also) await take(uri, [own], newestPaths(ctx, uri));
  return reads;
}

async function* newestPaths(owner: TableContext, uri: string): AsyncGenerator<string> {
  try {
    const snapshot = await openSnapshot({ ...owner, store: await storeAt(owner, uri) });
    for (const file of snapshot.files()) yield* pathsOfFile(file);
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    throw cloneUnreadable(uri, uri, error);
  }
}

interface Recorded {
  readonly meta: ObjectMeta;
  readonly record: CloneRecord;
}

/** Absolute paths among these are of files elsewhere. */
async function* pathsOfClone(
  owner: TableContext,
  { meta, record }: Recorded,
  { depth, newestOnly }: { readonly depth: number; readonly newestOnly: boolean },
): AsyncGenerator<string> {
  const unreadable = (cause: unknown): Error => cloneUnreadable(record.table, meta.path, cause);
  if (depth > DEPTH_MAX) throw unreadable(null);
  try {
    const clone = { ...owner, store: await storeAt(owner, record.table) };
    const snapshot = await openSnapshot(clone);
    if (snapshot.metadata.id !== record.tableId) return;
    if (newestOnly) {
      for (const file of snapshot.files()) yield* pathsOfFile(file);
    } else {
      const sinceMs = owner.clock.now() - deletedFileRetentionMs(snapshot.metadata);
      yield* retainedPaths(clone, snapshot, sinceMs);
    }
    for (const next of await records(clone.store)) {
      yield* pathsOfClone(clone, next, { depth: depth + 1, newestOnly });
    }
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    const isNew = owner.clock.now() - meta.modifiedMs < UNDER_WAY_MS;
    if (error.code !== 'TABLE_NOT_FOUND' || !isNew) throw unreadable(error);
    yield* pathsOfSource(owner, record);
  }
}

/** What a clone that is being made will need: the files of the version that it is made of. */
async function* pathsOfSource(
  owner: TableContext,
  { source, sourceVersion }: CloneRecord,
): AsyncGenerator<string> {
  const snapshot = await openSnapshot(owner, { version: sourceVersion });
  for (const file of snapshot.files()) {
    for (const path of pathsOfFile(file)) {
      yield keyBelow('', path, { isOwn: true }) === null ? path : `${source}/${path}`;
    }
  }
}

async function records(store: ObjectStore): Promise<readonly Recorded[]> {
  const found: Recorded[] = [];
  for await (const meta of store.list(FOLDER)) {
    if (!meta.path.endsWith('.json')) continue;
    const { bytes } = await store.get(meta.path);
    found.push({ meta, record: parseRecord(new TextDecoder().decode(bytes), meta.path) });
  }
  return found;
}

/** Errors: `VACUUM_CLONE_UNREADABLE` where the record is none: then some clone may need anything. */
function parseRecord(text: string, path: string): CloneRecord {
  let value: JsonValue = null;
  let cause: unknown = null;
  try {
    value = parseJson(text);
  } catch (error) {
    cause = error;
  }
  const { table, tableId, source, sourceVersion } = isJsonObject(value) ? value : {};
  if (
    typeof table === 'string' &&
    typeof tableId === 'string' &&
    typeof source === 'string' &&
    typeof sourceVersion === 'number'
  ) {
    return { table, tableId, source, sourceVersion };
  }
  throw cloneUnreadable(`of the record ${path}`, path, cause);
}

/** Tables that were named by paths or URIs, as records spell them. */
async function placesOf(ctx: TableContext, names: readonly string[]): Promise<ReadonlySet<string>> {
  const stores = await Promise.all(names.map((name) => storeAt(ctx, name)));
  return new Set(stores.map(({ uri }) => uri));
}

async function storeAt({ resolve }: TableContext, uri: string): Promise<ObjectStore> {
  const { store, path } = await resolve(`${uri.replace(/\/+$/, '')}/${LOG_FOLDER}`);
  return store.at(path.slice(0, -LOG_FOLDER.length).replace(/\/$/, ''));
}
