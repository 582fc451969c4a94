/** Snapshots from the log: opened at a version or a time, refreshed, and the cheap look at a table's description. */

import { isDeltaError } from '../base/index.ts';
import {
  checkReadable,
  checksumPath,
  chooseSegment,
  hasInCommitTimestamps,
  type Listing,
  logIncomplete,
  type LogSegment,
  type LogState,
  type Metadata,
  parseVersionChecksum,
  type Protocol,
  Replay,
  type WinnerCommit,
} from '../log/index.ts';
import { parseSchema, type StructType } from '../schema/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { readCheckpoint, readCheckpointHead } from './checkpoint-read.ts';
import { atTable, checkpointCorrupt, travelAmbiguous } from './errors.ts';
import { commitTimes, listLog, readCommits, readIfThere, readLastCheckpoint } from './log-files.ts';
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
    return loadSnapshot(ctx.store, await locate(ctx.store, version), version);
  });
}

/** The newest version: the same snapshot where nothing was committed since. Errors as for `openSnapshot`. */
export async function refreshSnapshot(ctx: TableContext, snapshot: Snapshot): Promise<Snapshot> {
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
  const { commits: files } = await listLog(ctx.store, snapshot.version);
  const times = commitTimes(files);
  const [own, ...newer] = files;
  if (own?.version !== snapshot.version) return null;
  if (newer.length === 0) return { snapshot, commits: [] };
  if (newer.some((file, index) => file.version !== snapshot.version + 1 + index)) return null;
  const commits = await readCommits(ctx.store, newer);
  const replay = new Replay(snapshot.state);
  for (const commit of commits) replay.commit(commit.actions);
  const state = replay.finish(snapshot.version + newer.length);
  checkReadable(state.protocol, state.metadata);
  const fileTimeMs = times.get(state.version) ?? snapshot.timestampMs;
  const timestampMs = Math.max(snapshot.timestampMs + newer.length, ownTime(state) ?? fileTimeMs);
  return { snapshot: new TableSnapshot(state, timestampMs, snapshot), commits };
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
export async function openMetadata({ store }: TableContext): Promise<TableMetadata> {
  return atTable(store.uri, () => readMetadata(store));
}

async function readMetadata(store: ObjectStore): Promise<TableMetadata> {
  const { listing } = await locate(store, null);
  const segment = chooseSegment(listing, { version: null });
  const { version } = segment;
  const head = await readHead(store, listing, segment);
  const protocol = head.protocol;
  const metadata = head.metadata;
  if (protocol === null) throw logIncomplete(version, 'protocol');
  if (metadata === null) throw logIncomplete(version, 'metaData');
  checkReadable(protocol, metadata);
  return { version, protocol, metadata, schema: parseSchema(metadata.schemaString) };
}

interface LocatedLog {
  readonly listing: Listing;
  /** Whether the listing goes back to the start of the log. */
  readonly whole: boolean;
}

/** Lists the log from the checkpoint that the hint names, or all of it where the hint does not help. */
async function locate(store: ObjectStore, version: number | null): Promise<LocatedLog> {
  const hint = await readLastCheckpoint(store);
  if (hint !== null && hint.version > 0 && (version === null || hint.version <= version)) {
    const listing = await listLog(store, hint.version);
    if (listing.checkpoints.some((checkpoint) => checkpoint.version === hint.version)) {
      return { listing, whole: false };
    }
  }
  return { listing: await listLog(store, 0), whole: true };
}

async function loadSnapshot(
  store: ObjectStore,
  log: LocatedLog,
  version: number | null,
): Promise<TableSnapshot> {
  const unreadable = new Set<string>();
  let { listing, whole } = log;
  let failure: unknown = null;
  for (;;) {
    const segment = segmentOrFailure(listing, {
      version,
      unreadable,
      failure: whole ? failure : null,
    });
    if (segment !== null) {
      try {
        return await build(store, listing, segment);
      } catch (error) {
        if (!isDeltaError(error, 'CHECKPOINT_CORRUPT')) throw error;
        // An older checkpoint or the commits alone may do; if not, this is the error that is told.
        failure ??= error;
        unreadable.add(segment.checkpoint?.files[0]?.path ?? '');
      }
    }
    if (!whole) {
      listing = await listLog(store, 0);
      whole = true;
    }
  }
}

/** The segment to try next, or null where the listing must reach further back first. */
function segmentOrFailure(
  listing: Listing,
  options: {
    readonly version: number | null;
    readonly unreadable: ReadonlySet<string>;
    readonly failure: unknown;
  },
): LogSegment | null {
  try {
    return chooseSegment(listing, options);
  } catch (error) {
    if (options.unreadable.size === 0) throw error;
    if (options.failure !== null) throw options.failure;
    return null;
  }
}

async function build(
  store: ObjectStore,
  listing: Listing,
  segment: LogSegment,
): Promise<TableSnapshot> {
  const replay = new Replay(null);
  if (segment.checkpoint !== null) await applyCheckpoint(store, segment.checkpoint, replay);
  for (const commit of await readCommits(store, segment.commits)) replay.commit(commit.actions);
  const state = replay.finish(segment.version);
  checkReadable(state.protocol, state.metadata);
  return new TableSnapshot(state, ownTime(state) ?? fileTime(listing, segment), null);
}

async function applyCheckpoint(
  store: ObjectStore,
  checkpoint: NonNullable<LogSegment['checkpoint']>,
  replay: Replay,
): Promise<void> {
  try {
    for await (const actions of readCheckpoint(store, checkpoint)) replay.apply(actions);
  } catch (error) {
    if (!isDeltaError(error) || error.kind !== 'data') throw error;
    throw checkpointCorrupt(checkpoint.files[0]?.path ?? '', error);
  }
}

async function readHead(
  store: ObjectStore,
  listing: Listing,
  segment: LogSegment,
): Promise<{ readonly protocol: Protocol | null; readonly metadata: Metadata | null }> {
  const checksum = await newestChecksum(store, listing, segment);
  const from = Math.max(checksum?.version ?? -1, segment.checkpoint?.version ?? -1);
  let protocol: Protocol | null = null;
  let metadata: Metadata | null = null;
  for (const { actions } of await readCommits(
    store,
    segment.commits.filter((commit) => commit.version > from),
  )) {
    for (const action of actions) {
      if (action.kind === 'protocol') protocol = action.protocol;
      if (action.kind === 'metaData') metadata = action.metaData;
    }
  }
  if (protocol !== null && metadata !== null) return { protocol, metadata };
  const before =
    checksum ??
    (segment.checkpoint === null ? null : await readCheckpointHead(store, segment.checkpoint));
  return {
    protocol: protocol ?? before?.protocol ?? null,
    metadata: metadata ?? before?.metadata ?? null,
  };
}

/** The newest checksum file from the segment's checkpoint on, if there is one that can be read. */
async function newestChecksum(
  store: ObjectStore,
  listing: Listing,
  segment: LogSegment,
): Promise<{
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
} | null> {
  const first = segment.checkpoint?.version ?? 0;
  const version = listing.checksums.findLast((it) => it >= first && it <= segment.version);
  if (version === undefined) return null;
  const path = checksumPath(version);
  const bytes = await readIfThere(store, path);
  const head = bytes === null ? null : parseVersionChecksum(bytes, path);
  return head === null ? null : { version, ...head };
}

/** The time that the commit itself carries, where the table says that this one counts. */
function ownTime(state: LogState): number | null {
  const time = state.commitInfo?.['inCommitTimestamp'];
  return hasInCommitTimestamps(state.metadata) && typeof time === 'number' ? time : null;
}

function fileTime(listing: Listing, segment: LogSegment): number {
  const commit = commitTimes(listing.commits).get(segment.version);
  return commit ?? segment.checkpoint?.files[0]?.modifiedMs ?? 0;
}
