/**
 * Which files of the log make a version: a checkpoint, where there is one, and the commits after it.
 * PROTOCOL.md, "Checkpoints", "Delta Log Entries".
 */

import { featureUnsupported, logGap, tableNotFound, versionNotFound } from './errors.ts';
import { parseLogFileName } from './file-names.ts';

/** What a listing says of a file of the log. */
export interface ListedFile {
  /** From the table's root: `_delta_log/…`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface CommitFile extends ListedFile {
  readonly version: number;
}

/** A classic checkpoint: one file, or all parts of one that was written in several, in order. */
export interface CheckpointFiles {
  readonly version: number;
  readonly files: readonly ListedFile[];
}

/** The log's files by what they are, each list by rising version. */
export interface Listing {
  readonly commits: readonly CommitFile[];
  /** Whole ones only; of one version the single file comes last. */
  readonly checkpoints: readonly CheckpointFiles[];
  /** Versions of V2 checkpoints, which are recognised but not read. */
  readonly checkpointsV2: readonly number[];
  /** Versions that have a checksum file, rising. */
  readonly checksums: readonly number[];
}

/** What is to be read to build `version`: the checkpoint first, then `commits`, which follow it without a gap. */
export interface LogSegment {
  readonly version: number;
  readonly checkpoint: CheckpointFiles | null;
  readonly commits: readonly CommitFile[];
}

/** Sorts out what a listing of the log's folder gave; files that are not the log's own are passed over. */
export function readListing(listed: Iterable<ListedFile>): Listing {
  const commits: CommitFile[] = [];
  const single: CheckpointFiles[] = [];
  const parts = new Map<string, { version: number; count: number; files: ListedFile[] }>();
  const checkpointsV2: number[] = [];
  const checksums: number[] = [];
  for (const file of listed) {
    const name = parseLogFileName(file.path.slice(file.path.lastIndexOf('/') + 1));
    if (name === null) continue;
    if (name.kind === 'commit') commits.push({ ...file, version: name.version });
    else if (name.kind === 'checkpoint') single.push({ version: name.version, files: [file] });
    else if (name.kind === 'checkpointV2') checkpointsV2.push(name.version);
    else if (name.kind === 'checksum') checksums.push(name.version);
    else if (name.kind === 'checkpointPart') {
      const key = `${name.version}/${name.parts}`;
      const group = parts.get(key) ?? { version: name.version, count: name.parts, files: [] };
      group.files[name.part - 1] = file;
      parts.set(key, group);
    }
  }
  const whole = [...parts.values()].filter(
    (group) => Object.keys(group.files).length === group.count,
  );
  commits.sort((a, b) => a.version - b.version);
  return {
    commits,
    checkpoints: [...whole, ...single]
      .map(({ version, files }) => ({ version, files }))
      .sort((a, b) => a.version - b.version),
    checkpointsV2,
    checksums: checksums.sort((a, b) => a - b),
  };
}

export interface SegmentOptions {
  /** The version wanted; null for the newest. */
  readonly version: number | null;
  /** Checkpoints that turned out to be unreadable, by the path of their first file. */
  readonly unreadable?: ReadonlySet<string>;
}

/**
 * The segment for a version, from a listing of the whole log, or from one that starts at a checkpoint's version.
 * `TABLE_NOT_FOUND`, `VERSION_NOT_FOUND`, `LOG_GAP`; `FEATURE_UNSUPPORTED` where only a V2 checkpoint would do.
 */
export function chooseSegment(listing: Listing, options: SegmentOptions): LogSegment {
  const usable = listing.checkpoints.filter(
    (checkpoint) => options.unreadable?.has(checkpoint.files[0]?.path ?? '') !== true,
  );
  const latest = Math.max(
    listing.commits.at(-1)?.version ?? -1,
    listing.checkpoints.at(-1)?.version ?? -1,
    ...listing.checkpointsV2,
  );
  if (latest === -1) throw tableNotFound();
  const version = options.version ?? latest;
  if (version < 0 || version > latest) {
    throw versionNotFound(version, { earliest: earliest(listing), latest });
  }
  const checkpoint = usable.findLast((candidate) => candidate.version <= version) ?? null;
  const from = checkpoint === null ? 0 : checkpoint.version + 1;
  const commits = listing.commits.filter(
    (commit) => commit.version >= from && commit.version <= version,
  );
  const missing = firstMissing(commits, from, version);
  if (missing === null) return { version, checkpoint, commits };
  if (listing.checkpointsV2.some((other) => other >= missing && other <= version)) {
    throw featureUnsupported('read', ['v2Checkpoint'], { version });
  }
  if (checkpoint === null && usable.length > 0) {
    throw versionNotFound(version, { earliest: earliest(listing), latest });
  }
  throw logGap(missing, { from, to: version });
}

/** The first version that can be built: 0 where its commit is there, else that of the first checkpoint. */
function earliest(listing: Listing): number {
  const first = listing.commits[0]?.version ?? Number.POSITIVE_INFINITY;
  return first === 0 ? 0 : (listing.checkpoints[0]?.version ?? first);
}

function firstMissing(commits: readonly CommitFile[], from: number, to: number): number | null {
  let next = from;
  for (const commit of commits) {
    if (commit.version !== next) return next;
    next += 1;
  }
  return next <= to ? next : null;
}
