/** The look at a table and its manifests that comes before a publication, in the one order that is safe. */

import pLimit from 'p-limit';

import type { AddFile } from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import { listLog, readCommitsIfThere } from './log-files.ts';
import {
  isManifest,
  manifestFolder,
  manifestPath,
  manifestSize,
  PartitionFolders,
} from './manifest-layout.ts';
import { type FoundState, isOf, type ManifestState, readManifestState } from './manifest-state.ts';
import { refreshSnapshot } from './open.ts';
import type { Snapshot, TableContext } from './types.ts';

/** What there is to do, seen from before the snapshot was loaded. */
export interface ManifestView {
  readonly kind: 'ready';
  readonly snapshot: Snapshot;
  readonly found: FoundState;
  /** Folders to write, with their manifests as they were before the snapshot was loaded. */
  readonly manifests: ReadonlyMap<string, ObjectMeta | null>;
}

export type Look = ManifestView | { readonly kind: 'needs-all'; readonly snapshot: Snapshot };

export interface LookOptions {
  /** All manifests, not only those of partitions that commits touched. */
  readonly full: boolean;
  /** Also those that are missing or overwritten, though no commit touched their partitions. */
  readonly restore: boolean;
  /** Folders that are probably touched. */
  readonly hints: readonly string[];
  /** Folders that this call has written in lost rounds: another writer's state knows nothing of them. */
  readonly written: ReadonlySet<string>;
}

/**
 * State and manifests are seen first, then the newest snapshot is loaded: whatever is there at that time was made from
 * this snapshot or an older one. `needs-all` where the log does not tell which partitions were touched.
 */
export async function look(ctx: TableContext, base: Snapshot, options: LookOptions): Promise<Look> {
  const { store } = ctx;
  const found = await readManifestState(store);
  const { state } = found;
  if (!isOf(state, store, base.metadata.id) || options.full) {
    const manifests = await listManifests(store, base);
    const snapshot = await refreshSnapshot(ctx, base);
    for (const folder of liveFiles(snapshot, null).keys()) {
      if (!manifests.has(folder)) manifests.set(folder, null);
    }
    const known = state?.emptied.map((entry) => entry.folder) ?? [];
    if (snapshot.partitionColumns.length === 0) known.push('');
    for (const folder of known) if (!manifests.has(folder)) manifests.set(folder, null);
    return { kind: 'ready', snapshot, found, manifests };
  }
  const manifests = new Map<string, ObjectMeta | null>();
  const early = new Set([...options.hints, ...options.written]);
  for (const { folder } of state.emptied) early.add(folder);
  if (options.restore) {
    for (const folder of await spoiledManifests(store, base, state)) early.add(folder);
  }
  if (base.partitionColumns.length === 0 && base.version !== state.version) early.add('');
  let missing = [...early];
  let snapshot = base;
  // Etags must be older than the snapshot: those that it shows to be needed make it load once more.
  do {
    await headManifests(store, snapshot, missing, manifests);
    snapshot = await refreshSnapshot(ctx, snapshot);
    const touched = await touchedSince(store, state, snapshot);
    if (touched === null) return { kind: 'needs-all', snapshot };
    missing = [...touched].filter((folder) => !manifests.has(folder));
  } while (missing.length > 0);
  return { kind: 'ready', snapshot, found, manifests };
}

/** The live files by folder: of all folders, or of these. */
export function liveFiles(
  snapshot: Snapshot,
  wanted: ReadonlySet<string> | null,
): ReadonlyMap<string, readonly AddFile[]> {
  const found = new Map<string, AddFile[]>();
  if (wanted?.size === 0) return found;
  const folders = new PartitionFolders(snapshot);
  for (const file of snapshot.files()) {
    const { folder } = folders.of(file.partitionValues);
    if (wanted !== null && !wanted.has(folder)) continue;
    const files = found.get(folder);
    if (files === undefined) found.set(folder, [file]);
    else files.push(file);
  }
  return found;
}

/** All of `work` comes to its end, also where some of it fails: no write is on its way any more after this. */
export async function sideBySide<T, R>(
  items: Iterable<T>,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const limit = pLimit(REQUESTS_MAX);
  const settled = await Promise.allSettled(Array.from(items, (item) => limit(work, item)));
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Folders whose files changed since the state was written; null where the log does not tell. */
async function touchedSince(
  store: ObjectStore,
  state: ManifestState,
  snapshot: Snapshot,
): Promise<ReadonlySet<string> | null> {
  const touched = new Set<string>();
  if (state.tableId !== snapshot.metadata.id || state.version > snapshot.version) return null;
  if (state.version === snapshot.version) return touched;
  const files = (await listLog(store, state.version)).commits.filter(
    ({ version }) => version > state.version && version <= snapshot.version,
  );
  if (files.length !== snapshot.version - state.version) return null;
  const folders = new PartitionFolders(snapshot);
  const isPartitioned = snapshot.partitionColumns.length > 0;
  for (const commit of await readCommitsIfThere(store, files)) {
    if (commit === null) return null;
    for (const action of commit.actions) {
      if (action.kind === 'metaData') return null;
      if (action.kind === 'add') touched.add(folders.of(action.add.partitionValues).folder);
      if (action.kind !== 'remove') continue;
      const values = action.remove.partitionValues ?? (isPartitioned ? null : {});
      if (values === null) return null;
      touched.add(folders.of(values).folder);
    }
  }
  return touched;
}

/**
 * Folders whose manifest is missing or has a size that it cannot have; without partition columns the one folder, where
 * its manifest is not the object that was written. A manifest that a newer version gave another size is written once more.
 */
async function spoiledManifests(
  store: ObjectStore,
  snapshot: Snapshot,
  state: ManifestState,
): Promise<string[]> {
  const there = await listManifests(store, snapshot);
  if (snapshot.partitionColumns.length === 0) {
    const etag = there.get('')?.etag ?? null;
    return etag === null || etag !== state.manifestEtag ? [''] : [];
  }
  return [...liveFiles(snapshot, null)].flatMap(([folder, files]) =>
    there.get(folder)?.sizeBytes === manifestSize(store, files) ? [] : [folder],
  );
}

async function listManifests(
  store: ObjectStore,
  snapshot: Snapshot,
): Promise<Map<string, ObjectMeta | null>> {
  const root = manifestFolder(snapshot.version);
  const found = new Map<string, ObjectMeta | null>();
  for await (const meta of store.list(root, { recursive: true })) {
    if (!isManifest(meta.path)) continue;
    found.set(meta.path.slice(root.length + 1).replace(/\/?manifest$/, ''), meta);
  }
  return found;
}

async function headManifests(
  store: ObjectStore,
  snapshot: Snapshot,
  folders: readonly string[],
  into: Map<string, ObjectMeta | null>,
): Promise<void> {
  await sideBySide(folders, async (folder) => {
    into.set(folder, await store.head(manifestPath(snapshot, folder)));
  });
}

const REQUESTS_MAX = 16;
