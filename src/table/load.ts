/**
 * From a log to what is wanted of a version, by the cheapest way that is sound: hints, checkpoints and compacted files
 * save reads, and one that turns out broken is passed over for what it stands for.
 */

import { isDeltaError } from '../base/index.ts';
import {
  type CheckpointCopy,
  checksumPath,
  chooseSegment,
  type Listing,
  type LogSegment,
  parseVersionChecksum,
  type VersionChecksum,
} from '../log/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { CheckpointToRead } from './checkpoint-read.ts';
import { listVersions } from './commit-source.ts';
import { checkpointCorrupt } from './errors.ts';
import { readIfThere, readLastCheckpoint } from './log-files.ts';
import type { TableContext } from './types.ts';

/** What to read for a version. */
export interface VersionSource {
  readonly listing: Listing;
  readonly segment: LogSegment;
  /** The segment's. */
  readonly checkpoint: CheckpointToRead | null;
}

export interface SourceOptions {
  /** Null for the newest. */
  readonly version: number | null;
  /** Checkpoints, by their first file, and compacted files not to use. */
  readonly unusable?: readonly string[];
}

/**
 * What `work` makes of the source of a version. Where it throws `CHECKPOINT_CORRUPT` it is called again with a source
 * that does without that checkpoint; where there is none, also not in a listing made since, the error is thrown. Where a
 * commit is gone that was listed, the log is listed again, once. Errors: those of `chooseSegment`.
 */
export async function fromLog<T>(
  ctx: TableContext,
  options: SourceOptions,
  work: (source: VersionSource) => Promise<T>,
): Promise<T> {
  const { version } = options;
  const unusable = new Set(options.unusable);
  let { listing, copy } = await locate(ctx, version);
  let failure: unknown = null;
  let wasGone = false;
  let unusableWhenListed = 0;
  const listAgain = async (): Promise<void> => {
    listing = await listVersions(ctx, 0);
    unusableWhenListed = unusable.size;
  };
  for (;;) {
    let segment: LogSegment;
    try {
      segment = chooseSegment(listing, { version, unusable });
    } catch (error) {
      if (unusable.size === unusableWhenListed) throw failure ?? error;
      // From its start, and with the commits that came while the one before was made.
      await listAgain();
      continue;
    }
    const checkpoint = checkpointOf(segment, copy);
    try {
      return await work({ listing, segment, checkpoint });
    } catch (error) {
      if (isDeltaError(error, 'STORE_NOT_FOUND') && !wasGone) {
        // Cleaned up, or published, since it was listed: a second listing knows what there is now.
        await listAgain();
        wasGone = true;
        continue;
      }
      if (checkpoint === null || !isDeltaError(error, 'CHECKPOINT_CORRUPT')) throw error;
      if (checkpoint.copy === null) {
        failure ??= error;
        unusable.add(checkpoint.files.files[0]?.path ?? '');
      }
      // The copy in the hint may lie: then the file itself is tried before it is given up.
      copy = null;
    }
  }
}

/** Runs the reading of a checkpoint: that it is broken, in whatever way, comes as `CHECKPOINT_CORRUPT`. */
export async function readingCheckpoint<T>(
  { files: { version, files } }: CheckpointToRead,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDeltaError(error) || !['data', 'unsupported'].includes(error.kind)) throw error;
    throw checkpointCorrupt({ version, path: files[0]?.path ?? '' }, error);
  }
}

/** What the checksum file of a version says, or null where there is none that can be read. */
export async function readChecksum(
  store: ObjectStore,
  version: number,
): Promise<VersionChecksum | null> {
  const path = checksumPath(version);
  const bytes = await readIfThere(store, path);
  return bytes === null ? null : parseVersionChecksum(bytes, path);
}

interface LocatedLog {
  readonly listing: Listing;
  /** What the hint repeats of a checkpoint. */
  readonly copy: CheckpointCopy | null;
}

/** The log from the checkpoint that the hint names, or all of it where the hint does not help. */
async function locate(ctx: TableContext, version: number | null): Promise<LocatedLog> {
  const hint = await readLastCheckpoint(ctx.store);
  const copy = hint?.contents ?? null;
  if (hint !== null && hint.version > 0 && (version === null || hint.version <= version)) {
    const listing = await listVersions(ctx, hint.version, 'checkpoint');
    if (listing.checkpoints.some((checkpoint) => checkpoint.version === hint.version)) {
      return { listing, copy };
    }
  }
  return { listing: await listVersions(ctx, 0), copy };
}

function checkpointOf(
  { checkpoint }: LogSegment,
  copy: CheckpointCopy | null,
): CheckpointToRead | null {
  if (checkpoint === null) return null;
  const [file] = checkpoint.files;
  const isCopied =
    copy !== null && file?.path.endsWith(`/${copy.name}`) && file.sizeBytes === copy.sizeBytes;
  return { files: checkpoint, copy: isCopied === true ? copy : null };
}
