/**
 * Which files of the log make a version: a checkpoint, where there is one, and the commits after it.
 * PROTOCOL.md, "Checkpoints", "Delta Log Entries", "Log Compaction Files".
 */

import { type CompactedFile, type TailStep, tailSteps } from './compaction.ts';
import { logGap, tableNotFound, versionNotFound } from './errors.ts';
import { parseLogFileName } from './file-names.ts';

/** What a listing says of a file of the log. */
export interface ListedFile {
  /** From the table's root: `_delta_log/…`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Names its content, where the store told. */
  readonly etag?: string;
}

export interface CommitFile extends ListedFile {
  readonly version: number;
  /** The content, where a catalog keeps it itself. */
  readonly bytes?: Uint8Array;
}

/** A checkpoint's own files; the sidecars of one of the V2 spec are named inside. */
export interface CheckpointFiles {
  readonly version: number;
  /**
   * By its name: one file of the classic name (V1 or V2 spec), the parts of one in several files, in order (V1), or
   * one of a unique name (V2).
   */
  readonly kind: 'classic' | 'parts' | 'unique';
  readonly files: readonly ListedFile[];
}

/** The log's files by what they are, each list by rising version. */
export interface Listing {
  readonly commits: readonly CommitFile[];
  /** Whole ones only; of several of one version, the one to prefer comes last. */
  readonly checkpoints: readonly CheckpointFiles[];
  readonly compacted: readonly CompactedFile[];
  /** Versions that have a checksum file, rising. */
  readonly checksums: readonly number[];
}

/** What is to be read to build `version`: the checkpoint first, then what follows it without a gap. */
export interface LogSegment {
  readonly version: number;
  readonly checkpoint: CheckpointFiles | null;
  readonly commits: readonly CommitFile[];
  /** `commits` by as few files as they can be read from. */
  readonly tail: readonly TailStep[];
}

/** Sorts out what a listing of the log's folder gave; files that are not the log's own are passed over. */
export function readListing(listed: Iterable<ListedFile>): Listing {
  const commits: CommitFile[] = [];
  const checkpoints: CheckpointFiles[] = [];
  const parts = new Map<string, { version: number; count: number; files: ListedFile[] }>();
  const compacted: CompactedFile[] = [];
  const checksums: number[] = [];
  for (const file of listed) {
    const name = parseLogFileName(file.path.slice(file.path.lastIndexOf('/') + 1));
    if (name === null) continue;
    const { version } = name;
    if (name.kind === 'commit') commits.push({ ...file, version });
    else if (name.kind === 'checkpoint')
      checkpoints.push({ version, kind: 'classic', files: [file] });
    else if (name.kind === 'checkpointV2')
      checkpoints.push({ version, kind: 'unique', files: [file] });
    else if (name.kind === 'checksum') checksums.push(version);
    else if (name.kind === 'compacted')
      compacted.push({ ...file, version, endVersion: name.endVersion });
    else {
      const key = `${version}/${name.parts}`;
      const group = parts.get(key) ?? { version, count: name.parts, files: [] };
      group.files[name.part - 1] = file;
      parts.set(key, group);
    }
  }
  for (const { version, count, files } of parts.values()) {
    if (Object.keys(files).length === count) checkpoints.push({ version, kind: 'parts', files });
  }
  commits.sort((a, b) => a.version - b.version);
  checkpoints.sort(byPreference);
  checksums.sort((a, b) => a - b);
  return { commits, checkpoints, compacted, checksums };
}

export interface SegmentOptions {
  /** The version wanted; null for the newest. */
  readonly version: number | null;
  /** Checkpoints, by the path of their first file, and compacted files that turned out not to be usable. */
  readonly unusable?: ReadonlySet<string>;
}

/**
 * The segment for a version, from a listing of the whole log, or from one that starts at a checkpoint's version.
 * `TABLE_NOT_FOUND`, `VERSION_NOT_FOUND`, `LOG_GAP`. A commit must be there even where a compacted file holds what it
 * says: one that is missing shows that somebody deleted from the log.
 */
export function chooseSegment(listing: Listing, options: SegmentOptions): LogSegment {
  const isUsable = (path: string | undefined): boolean =>
    path !== undefined && options.unusable?.has(path) !== true;
  const usable = listing.checkpoints.filter(({ files }) => isUsable(files[0]?.path));
  const latest = Math.max(
    listing.commits.at(-1)?.version ?? -1,
    listing.checkpoints.at(-1)?.version ?? -1,
  );
  if (latest === -1) throw tableNotFound();
  const version = options.version ?? latest;
  if (version < 0 || version > latest) {
    throw versionNotFound(version, { earliest: earliestVersion(listing), latest });
  }
  const checkpoint = usable.findLast((candidate) => candidate.version <= version) ?? null;
  const from = checkpoint === null ? 0 : checkpoint.version + 1;
  const commits = listing.commits.filter(
    (commit) => commit.version >= from && commit.version <= version,
  );
  const missing = firstMissing(commits, from, version);
  if (missing === null) {
    const compacted = listing.compacted.filter(({ path }) => isUsable(path));
    return { version, checkpoint, commits, tail: tailSteps(commits, compacted) };
  }
  if (checkpoint === null && usable.length > 0) {
    throw versionNotFound(version, { earliest: earliestVersion(listing), latest });
  }
  throw logGap(missing, { from, to: version });
}

/**
 * The first version from which on all can be built: 0 where every commit is there, else that of a checkpoint. One before a
 * hole in the commits is none: a cleanup that was interrupted leaves such behind.
 */
export function earliestVersion({ commits, checkpoints }: Listing): number {
  const afterHole = commits.findLastIndex(
    ({ version }, index) => version !== (commits[index - 1]?.version ?? -1) + 1,
  );
  const first = commits[Math.max(0, afterHole)]?.version ?? Number.POSITIVE_INFINITY;
  if (first === 0) return 0;
  const checkpoint = checkpoints.find(({ version }) => version >= first - 1) ?? checkpoints.at(-1);
  return checkpoint?.version ?? first;
}

const PREFERENCE = { parts: 0, classic: 1, unique: 2 } as const;

/**
 * Of several checkpoints of one version any may be taken. Parts come last in favour, since they can be a mixture of
 * two writers' (PROTOCOL.md, "Problems with multi-part checkpoints"); names decide among equals, as in Spark.
 */
function byPreference(a: CheckpointFiles, b: CheckpointFiles): number {
  return (
    a.version - b.version ||
    PREFERENCE[a.kind] - PREFERENCE[b.kind] ||
    a.files.length - b.files.length ||
    ((a.files[0]?.path ?? '') < (b.files[0]?.path ?? '') ? -1 : 1)
  );
}

function firstMissing(commits: readonly CommitFile[], from: number, to: number): number | null {
  let next = from;
  for (const commit of commits) {
    if (commit.version !== next) return next;
    next += 1;
  }
  return next <= to ? next : null;
}
