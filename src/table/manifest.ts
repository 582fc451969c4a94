/**
 * The symlink manifest, by which engines that know Hive tables only read a Delta table. PROTOCOL.md, "Symlink manifest".
 *
 * Several writers may publish at once, each after its own commit. A manifest is written only where it is still the
 * object that was seen before the newest snapshot was loaded: so whatever replaces it was made from a snapshot at least
 * as new as the one behind the replaced, and a slow writer cannot bring back an older one.
 */

import pLimit from 'p-limit';

import { backoffMs } from '../base/index.ts';
import type { AddFile, PartitionValues } from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import { manifestContended, manifestUnsupported } from './errors.ts';
import { listLog, readCommits } from './log-files.ts';
import { manifestFolder, PartitionFolders, printManifest } from './manifest-layout.ts';
import {
  CLAIM_MS_MAX,
  type EmptiedPartition,
  type FoundState,
  type ManifestState,
  putExactly,
  readManifestState,
  writeManifestState,
} from './manifest-state.ts';
import { refreshSnapshot } from './open.ts';
import type { Snapshot, TableContext } from './types.ts';

export interface PublishOptions {
  /** Writes the manifests of all partitions, and finds those that nobody needs. Default: only what commits touched. */
  readonly full?: boolean;
  /** Partitions that the caller knows to be touched: a hint that saves a listing. */
  readonly touched?: Iterable<PartitionValues>;
  readonly signal?: AbortSignal;
}

export interface PublishedManifest {
  /** `current`: nothing had to be written. */
  readonly kind: 'current' | 'published';
  /** The newest version, which the manifests show. */
  readonly snapshot: Snapshot;
  /** Manifests that were written. */
  readonly writtenCount: number;
  /**
   * Folders of partitions that have no files any more. Their manifests are empty; once the catalog does not name the
   * partitions, `removeEmptied` deletes them.
   */
  readonly emptied: readonly string[];
}

/**
 * Brings the manifests up to the table's newest version, whatever version `snapshot` is. Touched partitions are taken
 * from the log since the last publication, so that what a crashed writer left undone is done too. Atomic for each
 * partition; where it fails, manifests are of the old or the new version, and the next call goes on.
 * Errors: `MANIFEST_UNSUPPORTED`, `MANIFEST_CONTENDED`, those of opening, the store's.
 */
export async function publishManifest(
  ctx: TableContext,
  snapshot: Snapshot,
  options: PublishOptions = {},
): Promise<PublishedManifest> {
  const folders = new PartitionFolders(snapshot);
  const hints = [...(options.touched ?? [])].map((values) => folders.of(values).folder);
  return publish(ctx, snapshot, { full: options.full ?? false, hints, ...withSignal(options) });
}

/** Whether the manifests show `version` of the table `tableId` and nothing is left to remove: one small read. */
export async function checkManifest(
  ctx: TableContext,
  table: { readonly tableId: string; readonly version: number },
): Promise<'current' | 'stale'> {
  const { state } = await readManifestState(ctx.store);
  const isCurrent =
    isOf(state, ctx.store, table.tableId) &&
    state.version === table.version &&
    state.emptied.length === 0;
  return isCurrent ? 'current' : 'stale';
}

/**
 * Deletes the manifests of `folders`, as `publishManifest` named them, now that the catalog does not name them any
 * more. Folders that have files again, or that another writer is deleting, are left alone. Errors as for publishing.
 */
export async function removeEmptied(
  ctx: TableContext,
  snapshot: Snapshot,
  folders: readonly string[],
): Promise<void> {
  if (folders.length === 0) return;
  const claimId = ctx.random.uuid();
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const found = await readManifestState(ctx.store);
    if (!isOf(found.state, ctx.store, snapshot.metadata.id)) return;
    const latest = await refreshSnapshot(ctx, snapshot);
    const claimed = found.state.emptied.filter(
      (entry) => folders.includes(entry.folder) && !isClaimed(ctx, entry),
    );
    const live = liveFiles(latest, new Set(claimed.map((entry) => entry.folder)));
    const leaving = claimed.filter((entry) => !live.has(entry.folder));
    if (leaving.length === 0) return;
    const claim = { id: claimId, sinceMs: ctx.clock.now() };
    const { state } = found;
    const emptied = state.emptied.map((entry) =>
      leaving.includes(entry) ? { ...entry, claim } : entry,
    );
    if (await writeManifestState(ctx.store, { ...state, emptied }, found)) {
      await ctx.store.delete(leaving.map((entry) => manifestPath(latest, entry.folder)));
      // Writes again what got files in the meantime, and takes the claim back.
      await publish(ctx, latest, { full: false, hints: [], claimId });
      return;
    }
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, round));
  }
  throw manifestContended(ctx.store.uri, ROUNDS_MAX);
}

/** The URIs of all data files that the manifests name. */
export async function* manifestPaths(ctx: TableContext, version: number): AsyncGenerator<string> {
  for await (const { path } of ctx.store.list(manifestFolder(version), { recursive: true })) {
    if (!isManifest(path)) continue;
    const { bytes } = await ctx.store.get(path);
    for (const line of new TextDecoder().decode(bytes).split('\n')) if (line !== '') yield line;
  }
}

/** Each lost round means that another writer got a step further. */
const ROUNDS_MAX = 200;
const BACKOFF = { delayMsMin: 2, delayMsMax: 200 } as const;
const REQUESTS_MAX = 16;

interface Plan {
  readonly full: boolean;
  /** Folders that are probably touched. */
  readonly hints: readonly string[];
  /** Deletions under this claim are done. */
  readonly claimId?: string;
  readonly signal?: AbortSignal;
}

async function publish(
  ctx: TableContext,
  snapshot: Snapshot,
  plan: Plan,
): Promise<PublishedManifest> {
  let latest = snapshot;
  let full = plan.full;
  const written = new Set<string>();
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    plan.signal?.throwIfAborted();
    const view = await look(ctx, latest, { ...plan, full, written });
    latest = view.snapshot;
    if (view.kind === 'needs-all') {
      full = true;
      continue;
    }
    const outcome = await writeView(ctx, view, { written, ...plan });
    if (outcome !== null) return outcome;
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, round), plan.signal);
  }
  throw manifestContended(ctx.store.uri, ROUNDS_MAX);
}

/** What there is to do, seen from before the snapshot was loaded. */
interface View {
  readonly kind: 'ready';
  readonly snapshot: Snapshot;
  readonly found: FoundState;
  /** Folders to write, with their manifests as they were before the snapshot was loaded. */
  readonly manifests: ReadonlyMap<string, ObjectMeta | null>;
}

type Look = View | { readonly kind: 'needs-all'; readonly snapshot: Snapshot };

interface LookOptions extends Plan {
  /** Folders that this call has written in lost rounds: another writer's state knows nothing of them. */
  readonly written: ReadonlySet<string>;
}

async function look(ctx: TableContext, base: Snapshot, options: LookOptions): Promise<Look> {
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

/** Null where the round was lost. */
async function writeView(
  ctx: TableContext,
  view: View,
  options: { readonly written: Set<string>; readonly claimId?: string },
): Promise<PublishedManifest | null> {
  const { snapshot, found, manifests } = view;
  assertPublishable(snapshot);
  const live = liveFiles(snapshot, new Set(manifests.keys()));
  const limit = pLimit(REQUESTS_MAX);
  const results = await limit.map(manifests, async ([folder, before]) => {
    const files = live.get(folder) ?? [];
    const isEmptyAlready =
      files.length === 0 && (before === null ? folder !== '' : isEmpty(before));
    if (isEmptyAlready) return 'kept';
    options.written.add(folder);
    const bytes = printManifest(ctx.store, files);
    const path = manifestPath(snapshot, folder);
    return (await putExactly(ctx.store, path, bytes, before?.etag ?? null)) ? 'written' : 'lost';
  });
  if (results.includes('lost')) return null;
  const state: ManifestState = {
    tableId: snapshot.metadata.id,
    tableUri: ctx.store.uri,
    version: snapshot.version,
    emptied: emptiedOf(ctx, view, { live, ...options }),
  };
  const isSame = found.state !== null && JSON.stringify(found.state) === JSON.stringify(state);
  if (!isSame && !(await writeManifestState(ctx.store, state, found))) return null;
  const writtenCount = results.filter((result) => result === 'written').length;
  return {
    kind: isSame && writtenCount === 0 ? 'current' : 'published',
    snapshot,
    writtenCount,
    emptied: state.emptied.map((entry) => entry.folder),
  };
}

/** The entries of the next state: emptied now or before, and not removed yet. */
function emptiedOf(
  ctx: TableContext,
  view: View,
  options: { readonly live: ReadonlyMap<string, unknown>; readonly claimId?: string },
): readonly EmptiedPartition[] {
  const claims = new Map(view.found.state?.emptied.map((entry) => [entry.folder, entry]));
  const isPartitioned = view.snapshot.partitionColumns.length > 0;
  const entries = [...view.manifests].flatMap(([folder, before]) => {
    const entry = claims.get(folder) ?? { folder, claim: null };
    if (isClaimed(ctx, entry) && entry.claim?.id !== options.claimId) return [entry];
    const stays = !options.live.has(folder) && before !== null && (isPartitioned || folder !== '');
    return stays ? [{ folder, claim: null }] : [];
  });
  return entries.sort((a, b) => (a.folder < b.folder ? -1 : 1));
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
  for (const { actions } of await readCommits(store, files)) {
    for (const action of actions) {
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

/** The live files by folder: of all folders, or of these. */
function liveFiles(
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

/** Throws `MANIFEST_UNSUPPORTED` where readers of plain Parquet files would see wrong rows or columns. */
function assertPublishable(snapshot: Snapshot): void {
  const mapping = snapshot.metadata.configuration['delta.columnMapping.mode'] ?? 'none';
  if (mapping.toLowerCase() !== 'none') throw manifestUnsupported('columnMapping');
  if (!snapshot.protocol.readerFeatures?.includes('deletionVectors')) return;
  for (const file of snapshot.files()) {
    if (file.deletionVector !== undefined) throw manifestUnsupported('deletionVectors');
  }
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
  const limit = pLimit(REQUESTS_MAX);
  await limit.map(folders, async (folder) => {
    into.set(folder, await store.head(manifestPath(snapshot, folder)));
  });
}

function manifestPath(snapshot: Snapshot, folder: string): string {
  const root = manifestFolder(snapshot.version);
  return folder === '' ? `${root}/manifest` : `${root}/${folder}/manifest`;
}

function isManifest(path: string): boolean {
  return path.endsWith('/manifest');
}

function isEmpty(manifest: ObjectMeta): boolean {
  return manifest.sizeBytes === 0;
}

function isOf(
  state: ManifestState | null,
  store: ObjectStore,
  tableId: string,
): state is ManifestState {
  return state !== null && state.tableId === tableId && state.tableUri === store.uri;
}

function isClaimed(ctx: TableContext, entry: EmptiedPartition): boolean {
  return entry.claim !== null && ctx.clock.now() - entry.claim.sinceMs < CLAIM_MS_MAX;
}

function withSignal(options: PublishOptions): { readonly signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}
