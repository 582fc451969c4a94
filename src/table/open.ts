/** Snapshots from the log: opened at a version or a time, refreshed, and the cheap look at a table's description. */

import { isDeltaError } from '../base/index.ts';
import {
  checkReadable,
  checksumDifferences,
  commitPath,
  DescriptionReplay,
  hasInCommitTimestamps,
  logIncomplete,
  type LogState,
  type Metadata,
  parseCommitInfo,
  type Protocol,
  Replay,
  type WinnerCommit,
} from '../log/index.ts';
import { parseSchema, type StructType } from '../schema/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { CheckpointColumns } from './checkpoint-columns.ts';
import { type CheckpointToRead, readCheckpointHead } from './checkpoint-read.ts';
import { checkpointState } from './checkpoint-state.ts';
import { listVersions } from './commit-source.ts';
import { atTable, travelAmbiguous } from './errors.ts';
import {
  fromLog,
  readChecksum,
  readingCheckpoint,
  type SourceOptions,
  type VersionSource,
} from './load.ts';
import {
  commitTimes,
  readCommitsIfThere,
  readIfThere,
  readInCommitTimestamp,
  readTail,
} from './log-files.ts';
import { isSameCommit } from './same-commit.ts';
import { tableSnapshot, TableSnapshot } from './snapshot.ts';
import { versionAt } from './time-travel.ts';
import type { Snapshot, TableContext } from './types.ts';

/** At most one of the two; neither means the newest version. */
export interface OpenOptions {
  readonly version?: number;
  /** Milliseconds since the epoch, inclusive: the last version committed by then. */
  readonly timestampMs?: number;
}

/**
 * Opens a table at a version. Errors: `TABLE_NOT_FOUND`, `VERSION_NOT_FOUND`, `TIMESTAMP_TOO_EARLY`, `LOG_GAP`,
 * `LOG_CORRUPT`, `LOG_INCOMPLETE`, `CHECKPOINT_CORRUPT`, `FEATURE_UNSUPPORTED`, `PROTOCOL_INVALID`, each with the table's
 * URI; `TRAVEL_AMBIGUOUS` where both are given; the store's.
 */
export async function openSnapshot(
  ctx: TableContext,
  options: OpenOptions = {},
): Promise<Snapshot> {
  const { timestampMs } = options;
  if (options.version !== undefined && timestampMs !== undefined) throw travelAmbiguous();
  return atTable(ctx.store.uri, async () => {
    const version =
      timestampMs === undefined
        ? (options.version ?? null)
        : await versionAt(ctx, timestampMs, (await openMetadata(ctx)).metadata);
    return loadSnapshot(ctx, version);
  });
}

/**
 * The newest version: the same snapshot where nothing was committed since; where its checkpoint turned out to be broken, one that does
 * without. Errors as for `openSnapshot`.
 */
export async function refreshSnapshot(ctx: TableContext, snapshot: Snapshot): Promise<Snapshot> {
  const { columns } = tableSnapshot(snapshot).state.files;
  if (columns instanceof CheckpointColumns && columns.fault !== null) {
    return atTable(ctx.store.uri, () => loadWithout(ctx, columns));
  }
  const next = await atTable(ctx.store.uri, () => advance(ctx, tableSnapshot(snapshot)));
  return next === null ? openSnapshot(ctx) : next.snapshot;
}

/**
 * The newest snapshot and the commits that lie between, from the log after `snapshot` alone. Null where the log no
 * longer follows from it: a table that was deleted or replaced, or commits that were cleaned up.
 */
export async function advance(
  ctx: TableContext,
  snapshot: TableSnapshot,
): Promise<{ readonly snapshot: TableSnapshot; readonly commits: readonly WinnerCommit[] } | null> {
  const { commits: files } = await listVersions(ctx, snapshot.version, 'commit');
  const times = commitTimes(files);
  const [own, ...newer] = files;
  if (own?.version !== snapshot.version) return null;
  if (!(await isSameCommit(ctx, snapshot, own))) return null;
  if (newer.length === 0) return { snapshot, commits: [] };
  if (newer.some((file, index) => file.version !== snapshot.version + 1 + index)) return null;
  const commits = await readCommitsIfThere(ctx.store, newer);
  if (!commits.every((commit) => commit !== null)) return null;
  const replay = new Replay(snapshot.state);
  for (const commit of commits) replay.commit(commit.actions);
  const state = replay.finish(snapshot.version + newer.length);
  checkReadable(state.protocol, state.metadata, capabilities(ctx));
  const fileTimeMs = times.get(state.version) ?? snapshot.timestampMs;
  const timestampMs = ownTime(state) ?? Math.max(snapshot.timestampMs + newer.length, fileTimeMs);
  const etag = newer.at(-1)?.etag ?? null;
  const next = new TableSnapshot(state, { timestampMs, etag, before: snapshot });
  return { snapshot: next, commits };
}

/**
 * Whether the log, of which `newest` is the last version, still has that of a snapshot that was held. Where it was cleaned up with
 * those that followed it, or the table was deleted, the next version looks free, and a commit there would be in no table. Errors:
 * those of `openMetadata`.
 */
export async function isInLog(
  ctx: TableContext,
  snapshot: TableSnapshot,
  newest = snapshot.version,
): Promise<boolean> {
  const { version, metadata } = snapshot;
  const found = await ctx.store.head(commitPath(version));
  if (found !== null) return isSameCommit(ctx, snapshot, found);
  // Some cleanups leave nothing of a version but its checkpoint.
  const now = await openMetadata(ctx);
  return now.version === newest && now.metadata.id === metadata.id;
}

/** What a table is at its newest version, without its files. */
export interface TableMetadata {
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: StructType;
}

/**
 * The description of a table without its files: a few small reads where the log has checksum files or few commits,
 * and never more than the log after the last checkpoint. Errors as for `openSnapshot`.
 */
export async function openMetadata(ctx: TableContext): Promise<TableMetadata> {
  return atTable(ctx.store.uri, () =>
    fromLog(ctx, { version: null }, async (source) => {
      const told = await newestChecksum(ctx, source);
      try {
        return await describe(ctx, source, told);
      } catch (error) {
        // Before a table is refused, the log itself is asked: the checksum file may be what is wrong.
        if (told === null || !isDeltaError(error) || error.kind === 'unavailable') throw error;
        return describe(ctx, source, null);
      }
    }),
  );
}

/** Errors: that of the columns, where the log does not reach back without them. */
async function loadWithout(ctx: TableContext, columns: CheckpointColumns): Promise<TableSnapshot> {
  try {
    return (await load(ctx, { version: null, unusable: [columns.path] })).snapshot;
  } catch (error) {
    if (!isDeltaError(error) || error.kind === 'unavailable') throw error;
    throw columns.fault ?? error;
  }
}

/** A snapshot, and what it was made from. */
interface Loaded {
  readonly snapshot: TableSnapshot;
  /** Files that were read for the commits that they stand for. */
  readonly shortcuts: readonly string[];
  /** Members of the version's checksum file that say otherwise. */
  readonly differences: readonly string[];
}

/**
 * Where the state that came from a checkpoint or from compacted files is not what the checksum file of the version says,
 * the log is read without them: if that agrees, they were wrong. Otherwise the checksum file is, or nobody can tell.
 */
async function loadSnapshot(ctx: TableContext, version: number | null): Promise<TableSnapshot> {
  const loaded = await load(ctx, { version });
  if (loaded.differences.length === 0) return loaded.snapshot;
  const { snapshot, shortcuts } = loaded;
  try {
    const other = await load(ctx, { version: snapshot.version, unusable: shortcuts });
    return other.differences.length === 0 ? other.snapshot : snapshot;
  } catch (error) {
    // The log does not reach back without them, so there is nothing to choose from.
    if (isDeltaError(error)) return snapshot;
    throw error;
  }
}

async function load(ctx: TableContext, options: SourceOptions): Promise<Loaded> {
  return fromLog(ctx, options, async (source) => {
    const { segment, listing, checkpoint } = source;
    const { version, tail } = segment;
    const shortcuts = [
      ...(checkpoint === null ? [] : checkpoint.files.files.slice(0, 1)),
      ...tail.flatMap((step) => (step.kind === 'compacted' ? [step.file] : [])),
    ].map(({ path }) => path);
    // What was read from commits alone needs no second opinion, unless it is one itself.
    const isChecked = shortcuts.length > 0 || options.unusable !== undefined;
    const [state, checksum] = await Promise.all([
      replay(ctx, source),
      isChecked && listing.checksums.includes(version) ? readChecksum(ctx.store, version) : null,
    ]);
    checkReadable(state.protocol, state.metadata, capabilities(ctx));
    const timestampMs = await timestampOf(ctx, source, state);
    const commit =
      listing.commits.find((it) => it.version === version) ??
      // Whose checkpoint alone the listing shows, if it is there at all.
      (await ctx.store.head(commitPath(version)));
    return {
      snapshot: new TableSnapshot(state, { timestampMs, etag: commit?.etag ?? null, before: null }),
      shortcuts,
      differences: checksum === null ? [] : checksumDifferences(state, checksum),
    };
  });
}

async function replay({ store }: TableContext, source: VersionSource): Promise<LogState> {
  const { segment, checkpoint } = source;
  const built = new Replay(checkpoint === null ? null : await checkpointState(store, checkpoint));
  for await (const part of readTail(store, segment.tail)) {
    if (part.kind === 'bytes') built.commitBytes(part.bytes, part.path);
    else built.commit(part.actions);
  }
  return built.finish(segment.version);
}

/** What a checksum file tells of a table as of its version. */
interface Told {
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
}

/** What the newest checksum file from the checkpoint on tells, if it can be read. */
async function newestChecksum(
  { store }: TableContext,
  { listing, segment }: VersionSource,
): Promise<Told | null> {
  const first = segment.checkpoint?.version ?? 0;
  const version = listing.checksums.findLast((it) => it >= first && it <= segment.version);
  if (version === undefined) return null;
  const { protocol = null, metadata = null } = (await readChecksum(store, version)) ?? {};
  return protocol === null || metadata === null ? null : { version, protocol, metadata };
}

/** From the commits after what a checksum file or else the checkpoint tells. */
async function describe(
  ctx: TableContext,
  { segment, checkpoint }: VersionSource,
  told: Told | null,
): Promise<TableMetadata> {
  const { store } = ctx;
  const { version, commits, tail } = segment;
  const after =
    told === null
      ? tail
      : commits
          .filter((commit) => commit.version > told.version)
          .map((commit) => ({ kind: 'commit', commit }) as const);
  const newest = new DescriptionReplay();
  for await (const part of readTail(store, after)) {
    if (part.kind === 'bytes') newest.commitBytes(part.bytes, part.path);
    else newest.commit(part.actions);
  }
  let { protocol, metadata } = newest;
  if (protocol === null || metadata === null) {
    const before = told ?? (await headOf(ctx, checkpoint));
    protocol ??= before?.protocol ?? null;
    metadata ??= before?.metadata ?? null;
  }
  if (protocol === null) throw logIncomplete(version, 'protocol');
  if (metadata === null) throw logIncomplete(version, 'metaData');
  checkReadable(protocol, metadata, capabilities(ctx));
  return { version, protocol, metadata, schema: parseSchema(metadata.schemaString) };
}

async function headOf(
  { store }: TableContext,
  checkpoint: CheckpointToRead | null,
): Promise<Pick<Told, 'protocol' | 'metadata'> | null> {
  if (checkpoint === null) return null;
  return readingCheckpoint(checkpoint, () => readCheckpointHead(store, checkpoint));
}

/** The time that the commit itself carries, where the table says that this one counts; else that of its file. */
async function timestampOf(
  { store }: TableContext,
  { listing, segment }: VersionSource,
  state: LogState,
): Promise<number> {
  const { version, checkpoint } = segment;
  if (hasInCommitTimestamps(state.metadata)) {
    const commit = listing.commits.find((file) => file.version === version);
    const ownMs =
      ownTime(state) ??
      (commit === undefined
        ? await unlistedTime(store, version)
        : await readInCommitTimestamp(store, commit));
    if (ownMs !== null) return ownMs;
    const told = listing.checksums.includes(version) ? await readChecksum(store, version) : null;
    if (told?.inCommitTimestampMs !== undefined && told.inCommitTimestampMs !== null) {
      return told.inCommitTimestampMs;
    }
  }
  return commitTimes(listing.commits).get(version) ?? checkpoint?.files[0]?.modifiedMs ?? 0;
}

/** Of a commit that came while the log was listed, so that only its checkpoint was seen; null where it is not there. */
async function unlistedTime(store: ObjectStore, version: number): Promise<number | null> {
  const path = commitPath(version);
  const bytes = await readIfThere(store, path);
  const time = bytes === null ? undefined : parseCommitInfo(bytes, path)?.['inCommitTimestamp'];
  return typeof time === 'number' ? time : null;
}

function ownTime(state: LogState): number | null {
  const time = state.commitInfo?.['inCommitTimestamp'];
  return hasInCommitTimestamps(state.metadata) && typeof time === 'number' ? time : null;
}

/** A catalog-managed table is readable where its catalog can be asked. */
function capabilities({ commitSource }: TableContext): { readonly hasCatalog: boolean } {
  return { hasCatalog: commitSource !== undefined };
}
