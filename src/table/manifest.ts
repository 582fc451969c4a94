/**
 * The symlink manifest, by which engines that know Hive tables only read a Delta table. PROTOCOL.md, "Symlink manifest".
 *
 * Several writers may publish at once, each after its own commit. A manifest is written only where it is still the
 * object that was seen before the newest snapshot was loaded: so whatever replaces it was made from a snapshot at least
 * as new as the one behind the replaced, and a slow writer cannot bring back an older one.
 */

import { backoffMs } from '../base/index.ts';
import type { PartitionValues } from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import { manifestContended, manifestUnsupported } from './errors.ts';
import {
  isManifest,
  manifestFolder,
  manifestPath,
  PartitionFolders,
  printManifest,
} from './manifest-layout.ts';
import {
  type EmptiedPartition,
  getIfThere,
  isClaimed,
  isOf,
  type ManifestState,
  putExactly,
  readManifestState,
  writeManifestState,
} from './manifest-state.ts';
import { liveFiles, look, type ManifestView, sideBySide } from './manifest-view.ts';
import { refreshSnapshot } from './open.ts';
import type { Snapshot, TableContext } from './types.ts';

export interface PublishOptions {
  /** Writes the manifests of all partitions, and finds those that nobody needs. Default: only what commits touched. */
  readonly full?: boolean;
  /** Partitions that the caller knows to be touched: a hint that saves a listing. */
  readonly touched?: Iterable<PartitionValues>;
  /** Also writes manifests that somebody deleted or overwrote: one listing of them all. Default false; `full` implies it. */
  readonly restore?: boolean;
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
  const { full = false, restore = false } = options;
  return publish(ctx, snapshot, { full, restore, hints, ...withSignal(options) });
}

/**
 * Whether the manifests show `version` of the table `tableId` and nothing is left to remove: one small read. Without
 * partition columns also whether the manifest is the object that was written; `restore` looks at those of partitions.
 */
export async function checkManifest(
  ctx: TableContext,
  table: { readonly tableId: string; readonly version: number; readonly isPartitioned: boolean },
): Promise<'current' | 'stale'> {
  const { tableId, version, isPartitioned } = table;
  const [{ state }, manifest] = await Promise.all([
    readManifestState(ctx.store),
    isPartitioned ? null : ctx.store.head(`${manifestFolder(version)}/manifest`),
  ]);
  const isCurrent =
    isOf(state, ctx.store, tableId) &&
    state.version === version &&
    state.emptied.length === 0 &&
    (isPartitioned || (manifest !== null && manifest.etag === state.manifestEtag));
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
      (entry) => folders.includes(entry.folder) && !isClaimed(entry, ctx.clock.now()),
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
      await publish(ctx, latest, { full: false, restore: false, hints: [], claimId });
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
const BACKOFF = { delayMsMin: 2, delayMsMax: 500 } as const;

interface Plan {
  readonly full: boolean;
  /** Also manifests that are missing. */
  readonly restore: boolean;
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
    const outcome = await writeView(ctx, view, { written, isRetry: round > 1, ...plan });
    if (outcome !== null) return outcome;
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, round), plan.signal);
  }
  throw manifestContended(ctx.store.uri, ROUNDS_MAX);
}

type Written =
  | { readonly kind: 'written' | 'kept'; readonly folder: string; readonly etag: string | null }
  | { readonly kind: 'lost' };

/** Null where the round was lost. */
async function writeView(
  ctx: TableContext,
  view: ManifestView,
  options: { readonly written: Set<string>; readonly isRetry: boolean; readonly claimId?: string },
): Promise<PublishedManifest | null> {
  const { snapshot, found, manifests } = view;
  assertPublishable(snapshot);
  const live = liveFiles(snapshot, new Set(manifests.keys()));
  const results = await sideBySide(manifests, async ([folder, before]): Promise<Written> => {
    const kept = { kind: 'kept', folder, etag: before?.etag ?? null } as const;
    const files = live.get(folder) ?? [];
    const isEmptyAlready =
      files.length === 0 && (before === null ? folder !== '' : isEmpty(before));
    if (isEmptyAlready) return kept;
    const bytes = printManifest(ctx.store, files);
    const path = manifestPath(snapshot, folder);
    // Losers who wrote the same again would only make each other lose.
    if (options.isRetry && (await holds(ctx.store, { path, before, bytes }))) return kept;
    options.written.add(folder);
    const etag = await putExactly(ctx.store, path, bytes, kept.etag);
    return etag === null ? { kind: 'lost' } : { kind: 'written', folder, etag };
  });
  const settled = results.filter((result) => result.kind !== 'lost');
  if (settled.length < results.length) return null;
  const own = settled.find((result) => result.folder === '');
  const state: ManifestState = {
    tableId: snapshot.metadata.id,
    tableUri: ctx.store.uri,
    version: snapshot.version,
    manifestEtag: own === undefined ? (found.state?.manifestEtag ?? null) : own.etag,
    emptied: emptiedOf(ctx, view, { live, ...options }),
  };
  const isSame = found.state !== null && JSON.stringify(found.state) === JSON.stringify(state);
  if (!isSame && !(await writeManifestState(ctx.store, state, found))) return null;
  const writtenCount = settled.filter(({ kind }) => kind === 'written').length;
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
  view: ManifestView,
  options: { readonly live: ReadonlyMap<string, unknown>; readonly claimId?: string },
): readonly EmptiedPartition[] {
  const claims = new Map(view.found.state?.emptied.map((entry) => [entry.folder, entry]));
  const isPartitioned = view.snapshot.partitionColumns.length > 0;
  const entries = [...view.manifests].flatMap(([folder, before]) => {
    const entry = claims.get(folder) ?? { folder, claim: null };
    if (isClaimed(entry, ctx.clock.now()) && entry.claim?.id !== options.claimId) return [entry];
    const stays = !options.live.has(folder) && before !== null && (isPartitioned || folder !== '');
    return stays ? [{ folder, claim: null }] : [];
  });
  return entries.sort((a, b) => (a.folder < b.folder ? -1 : 1));
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

/** Whether the manifest is what it should be, and still the object seen before. */
async function holds(
  store: ObjectStore,
  manifest: {
    readonly path: string;
    readonly before: ObjectMeta | null;
    readonly bytes: Uint8Array;
  },
): Promise<boolean> {
  const { path, before, bytes } = manifest;
  if (before?.sizeBytes !== bytes.length) return false;
  const found = await getIfThere(store, path);
  return found?.meta.etag === before.etag && Buffer.compare(found.bytes, bytes) === 0;
}

function isEmpty(manifest: ObjectMeta): boolean {
  return manifest.sizeBytes === 0;
}

function withSignal(options: PublishOptions): { readonly signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}
