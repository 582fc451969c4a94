/** What can be wrong with a log: gaps, the hint, shortcuts that do not hold, clocks, and what was left over. */

import { isDeltaError, summaryOf } from '../base/index.ts';
import {
  type CheckpointFiles,
  checksumPath,
  hasInCommitTimestamps,
  isReconciled,
  LAST_CHECKPOINT_PATH,
  LOG_FOLDER,
  parseCommit,
  parseLastCheckpoint,
  parseLogFileName,
  printLastCheckpoint,
} from '../log/index.ts';
import type { Found, LogSeen } from './doctor-types.ts';
import { checkIntegrity } from './integrity.ts';
import { readChecksum } from './load.ts';
import { readIfThere } from './log-files.ts';

/** Differences of clocks that need no word. */
const SKEW_MS = 5 * 60 * 1000;
/** Temporary files that a writer under way may still need are younger. */
const TEMPORARY_MS = 24 * 60 * 60 * 1000;

export async function checkLog(log: LogSeen): Promise<readonly Found[]> {
  return [
    ...gaps(log),
    ...(await hint(log)),
    ...partial(log),
    ...(await compacted(log)),
    ...(await checksums(log)),
    ...clock(log),
    ...inCommitTimes(log),
    ...leftovers(log),
  ];
}

function gaps({ listing: { commits, checkpoints } }: LogSeen): readonly Found[] {
  const found: Found[] = [];
  let next = commits[0]?.version ?? 0;
  for (const { version } of commits) {
    const [from, to] = [next, version - 1];
    next = version + 1;
    if (from > to) continue;
    const isCovered = checkpoints.some((checkpoint) => checkpoint.version >= to);
    found.push({
      code: 'LOG_GAP',
      severity: isCovered ? 'warning' : 'error',
      message: `commits are missing from version ${from} to ${to}: somebody deleted them from the log`,
      cure: isCovered
        ? 'nothing for newer versions, which a checkpoint holds; these and those before it cannot be read'
        : 'restore the files from a copy',
      details: { from, to },
    });
  }
  return found;
}

async function hint(log: LogSeen): Promise<readonly Found[]> {
  const { ctx, listing, sound } = log;
  const newest = listing.checkpoints.findLast(({ files }) => sound.has(files[0]?.path ?? ''));
  const bytes = await readIfThere(ctx.store, LAST_CHECKPOINT_PATH);
  const told = bytes === null ? null : parseLastCheckpoint(bytes);
  const wrong = wrongHint({ isThere: bytes !== null, told: told?.version ?? null, newest, log });
  if (wrong === null) return [];
  const mend = async (): Promise<string> => {
    if (newest === undefined) {
      await ctx.store.delete([LAST_CHECKPOINT_PATH]);
      return 'deleted the hint, as there is no checkpoint to point at';
    }
    await ctx.store.put(LAST_CHECKPOINT_PATH, hintAt(newest, log), { kind: 'overwrite' });
    return `pointed the hint at version ${newest.version}`;
  };
  return [
    { ...wrong, cure: 'have the hint written anew: readers list the whole log without', mend },
  ];
}

function wrongHint(hint: {
  readonly isThere: boolean;
  readonly told: number | null;
  readonly newest: CheckpointFiles | undefined;
  readonly log: LogSeen;
}): Omit<Found, 'cure'> | null {
  const { isThere, told, newest, log } = hint;
  const severity = 'warning';
  const details = { checkpoint: newest?.version ?? null, hint: told };
  if (!isThere) {
    if (newest === undefined) return null;
    return { code: 'HINT_MISSING', severity, message: 'there is no hint at a checkpoint', details };
  }
  if (told === null) {
    const message = 'the hint at the newest checkpoint is torn, or not what its checksum says';
    return { code: 'HINT_BROKEN', severity, message, details };
  }
  if (!log.listing.checkpoints.some(({ version }) => version === told)) {
    const message = `the hint points at a checkpoint of version ${told}, which is not there`;
    return { code: 'HINT_BROKEN', severity, message, details };
  }
  if (newest === undefined || told >= newest.version) return null;
  const message = `the hint points at version ${told}, and the newest checkpoint is of ${newest.version}`;
  return { code: 'HINT_STALE', severity: 'note', message, details };
}

function hintAt({ version, kind, files }: CheckpointFiles, { sound }: LogSeen): Uint8Array {
  return printLastCheckpoint({
    version,
    size: sound.get(files[0]?.path ?? '') ?? 0,
    ...(kind === 'parts' ? { parts: files.length } : {}),
    sizeInBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  });
}

/** Checkpoints of several files of which some are missing: readers pass them over. */
function partial({ objects, listing }: LogSeen): readonly Found[] {
  const versions = new Set<number>();
  for (const { path } of objects) {
    const name = parseLogFileName(path.slice(LOG_FOLDER.length + 1));
    if (name?.kind === 'checkpointPart') versions.add(name.version);
  }
  for (const { version, kind } of listing.checkpoints)
    if (kind === 'parts') versions.delete(version);
  return [...versions].map((version) => ({
    code: 'CHECKPOINT_PARTIAL',
    severity: 'note',
    message: `the checkpoint of version ${version} lacks some of its parts`,
    cure: 'nothing: its writer may still be at it, and else readers pass it over',
    details: { version },
  }));
}

async function compacted({ ctx, listing }: LogSeen): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const { path, version, endVersion } of listing.compacted) {
    const why = await brokenCompaction(ctx.store, path);
    if (why === null) continue;
    const covered = listing.commits.filter(
      (it) => it.version >= version && it.version <= endVersion,
    );
    const isNeeded = covered.length !== endVersion - version + 1;
    const mend = async (): Promise<string> => {
      await ctx.store.delete([path]);
      return `deleted ${path}, whose commits are all there`;
    };
    found.push({
      code: 'COMPACTED_BROKEN',
      severity: 'warning',
      message: `the compacted file of versions ${version} to ${endVersion} ${why}`,
      cure: 'delete it: the commits that it stands for say the same',
      details: { path },
      ...(isNeeded ? {} : { mend }),
    });
  }
  return found;
}

async function brokenCompaction(
  store: LogSeen['ctx']['store'],
  path: string,
): Promise<string | null> {
  try {
    const isSound = isReconciled(parseCommit((await store.get(path)).bytes, path));
    return isSound ? null : 'speaks of a file more than once';
  } catch (error) {
    if (!isDeltaError(error) || error.kind !== 'data') throw error;
    return `cannot be read: ${summaryOf(error)}`;
  }
}

async function checksums({ ctx, listing, snapshot }: LogSeen): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const version of listing.checksums) {
    if ((await readChecksum(ctx.store, version)) !== null) continue;
    const path = checksumPath(version);
    const mend = async (): Promise<string> => {
      await ctx.store.delete([path]);
      return `deleted ${path}`;
    };
    found.push({
      code: 'CHECKSUM_BROKEN',
      severity: 'warning',
      message: `the checksum file of version ${version} cannot be read`,
      cure: 'delete it: it vouches for nothing',
      details: { version, path },
      mend,
    });
  }
  if (snapshot === null) return found;
  const { differences } = await checkIntegrity(ctx, snapshot);
  if (differences.length === 0) return found;
  const disagreement: Found = {
    code: 'CHECKSUM_DISAGREES',
    severity: 'error',
    message: `the log of version ${snapshot.version} is not what its checksum file says: ${differences.join(', ')}`,
    cure: 'hold the rows against their source: either the log was changed after it was written, or a writer counted wrong',
    details: { version: snapshot.version, members: differences.join(',') },
  };
  return [...found, disagreement];
}

/** Time travel by a time goes by these. */
function clock({ commits, nowMs }: LogSeen): readonly Found[] {
  const found: Found[] = [];
  for (const [what, timeOf] of [
    ['the file', (seen: LogSeen['commits'][number]) => seen.file.modifiedMs],
    ['the commit itself', (seen: LogSeen['commits'][number]) => seen.toldMs],
  ] as const) {
    const times = commits.flatMap((seen) => {
      const timeMs = timeOf(seen);
      return timeMs === null ? [] : [{ version: seen.file.version, timeMs }];
    });
    const ahead = times.filter(({ timeMs }) => timeMs > nowMs + SKEW_MS).at(-1);
    if (ahead !== undefined) found.push(clockFuture(what, ahead, nowMs));
    const back = times.find(
      ({ timeMs }, index) => timeMs + SKEW_MS < (times[index - 1]?.timeMs ?? timeMs),
    );
    if (back !== undefined) found.push(clockBack(what, back));
  }
  return found;
}

interface VersionTime {
  readonly version: number;
  readonly timeMs: number;
}

function clockFuture(what: string, { version, timeMs }: VersionTime, nowMs: number): Found {
  return {
    code: 'CLOCK_FUTURE',
    severity: 'warning',
    message: `the time of version ${version}, by ${what}, is in the future: the clock of its writer, or of this machine, is wrong`,
    cure: 'set the clocks; until then a timestamp finds another version than it should',
    details: { version, aheadMs: timeMs - nowMs },
  };
}

function clockBack(what: string, { version, timeMs }: VersionTime): Found {
  return {
    code: 'CLOCK_BACK',
    severity: 'warning',
    message: `version ${version} is older, by ${what}, than the one before: the clocks of writers differ, or the log was copied`,
    cure: 'name versions instead of times, or enable delta.enableInCommitTimestamps, whose times always rise',
    details: { version, timestampMs: timeMs },
  };
}

function inCommitTimes({ commits, snapshot }: LogSeen): readonly Found[] {
  if (snapshot === null || !hasInCommitTimestamps(snapshot.metadata)) return [];
  const key = 'delta.inCommitTimestampEnablementVersion';
  const from = Number(snapshot.metadata.configuration[key] ?? 0);
  const own = commits.filter(({ file }) => file.version >= from);
  const wrong = own.find(
    ({ inCommitMs }, index) =>
      inCommitMs === null || inCommitMs <= (own[index - 1]?.inCommitMs ?? inCommitMs - 1),
  );
  if (wrong === undefined) return [];
  const { version } = wrong.file;
  return [
    {
      code: 'IN_COMMIT_TIMESTAMP_WRONG',
      severity: 'error',
      message: `version ${version} has no in-commit timestamp, or one that is not later than that of the version before`,
      cure: 'find the writer that does not keep to the feature; times before this version are not to be trusted',
      details: { version },
    },
  ];
}

/** What Spark's log store for DynamoDB, and crashed writers, leave. */
function leftovers({ objects, nowMs }: LogSeen): readonly Found[] {
  const old = objects.filter(
    ({ path, modifiedMs }) =>
      path.startsWith(`${LOG_FOLDER}/.tmp/`) && nowMs - modifiedMs > TEMPORARY_MS,
  );
  if (old.length === 0) return [];
  return [
    {
      code: 'TEMPORARY_FILES',
      severity: 'note',
      message: `${old.length} temporary files of commits are older than a day`,
      cure: `delete those below ${LOG_FOLDER}/.tmp whose commits are complete: nothing reads them any more`,
      details: {
        files: old.length,
        sizeBytes: old.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      },
    },
  ];
}
