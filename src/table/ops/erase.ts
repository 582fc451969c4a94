/**
 * ERASE, as data-protection law asks for it: the rows that a condition selects leave the table, and with them all that is below it
 * and holds such a row or speaks of one: files of older versions, of changed rows, of writers that failed, and the log itself.
 */

import { appendOnly, checkWritable, isAppendOnly } from '../../log/index.ts';
import { type Expression, resolveColumns } from '../../schema/index.ts';
import { type CloneRead, readsOfClones } from '../clones.ts';
import { atTable } from '../errors.ts';
import { publishManifest } from '../manifest.ts';
import { refreshSnapshot } from '../open.ts';
import { isManifestEnabled } from '../properties.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { type CleanedLog, cleanQuotes, quotesLeft } from './erase-clean.ts';
import { eraseClone, eraseElsewhere, eraseInvalid, eraseUnreadable } from './erase-errors.ts';
import {
  isMatched,
  keyOf,
  mayHold,
  namedFiles,
  type Survey,
  survey,
  type SurveyedFile,
  type VersionRange,
} from './erase-files.ts';
import { removeFolders } from './erase-folders.ts';
import { filesLeft, manifestsLeft } from './erase-left.ts';
import { type LogSearch, searchLog } from './erase-log.ts';
import { type EraseResult, mergedRanges, searchedFiles } from './erase-report.ts';
import { rewriteLive } from './erase-rewrite.ts';
import { FileSearch } from './erase-scan.ts';
import { asExpression } from './files.ts';
import { LazySession } from './input-session.ts';
import { storeTimeMs } from './vacuum.ts';

export interface EraseOptions {
  /** Spark's SQL: the rows for which it is true. Unlike that of a delete it is not written to the log. */
  readonly where: string | Expression;
  /** Only says what would be done: all files are searched, and nothing is written. Default false. */
  readonly dryRun?: boolean;
  /**
   * How long a writer may take from its first file to its commit: younger files that no version names stay, and younger entries of
   * the log; the report says until when. 0 where nobody else writes to the table meanwhile. Default 24.
   */
  readonly writerHours?: number;
  /** Leaves the log as it is, so that versions without such rows can still be read. Default false. */
  readonly keepLog?: boolean;
  /** URIs of shallow clones that others made, of which the table has no record. Default none. */
  readonly clones?: readonly string[];
  /** URIs of shallow clones on record that are gone for good. Default none. */
  readonly forgetClones?: readonly string[];
  /** Stops between steps; another erase goes on from there. */
  readonly signal?: AbortSignal;
}

const WRITER_HOURS = 24;
const HOUR_MS = 3_600_000;
const DELETE_FILES_MAX = 1_000;

/**
 * Erases rows, in steps that each leave a sound table; one that was interrupted is done again, until the report says that the table
 * is clean. Deleted files and log entries make older versions unreadable: the report names them. Errors, before anything is changed:
 * `ERASE_INVALID`, `ERASE_ELSEWHERE`, `ERASE_UNREADABLE`, `ERASE_CLONE`, `VACUUM_CLONE_UNREADABLE`, `APPEND_ONLY`,
 * `FEATURE_UNSUPPORTED`, those of the condition, of manifests and of opening; later: `WRITE_CONFLICT`, those of the store.
 */
export async function erase(
  ctx: TableContext,
  snapshot: Snapshot,
  options: EraseOptions,
): Promise<EraseResult> {
  return atTable(ctx.store.uri, async () => {
    const latest = await refreshSnapshot(ctx, snapshot);
    checkWritable(latest.protocol, latest.metadata, 'delete');
    if (isAppendOnly(latest.metadata)) throw appendOnly();
    const where = conditionOf(latest, options);
    const writerMs = writerMsOf(options);
    const session = new LazySession(ctx);
    try {
      const eraser = new Eraser(ctx, { ...options, where, writerMs, session });
      return options.dryRun === true ? await eraser.plan(latest) : await eraser.run(latest);
    } finally {
      await session.close();
    }
  });
}

function conditionOf({ schema }: Snapshot, options: EraseOptions): Expression {
  const given = asExpression(options.where);
  if (given === null) throw eraseInvalid('a condition is missing; "true" selects all rows');
  return resolveColumns(given, schema);
}

function writerMsOf({ writerHours = WRITER_HOURS }: EraseOptions): number {
  if (Number.isFinite(writerHours) && writerHours >= 0) return Math.round(writerHours * HOUR_MS);
  throw eraseInvalid('writerHours is a number of hours, 0 or more');
}

interface EraserOptions extends Omit<EraseOptions, 'where'> {
  readonly where: Expression;
  readonly writerMs: number;
  readonly session: LazySession;
}

class Eraser {
  readonly #ctx: TableContext;
  readonly #options: EraserOptions;

  constructor(ctx: TableContext, options: EraserOptions) {
    this.#ctx = ctx;
    this.#options = options;
  }

  async plan(snapshot: Snapshot): Promise<EraseResult> {
    const seen = await this.#look(snapshot, this.#newSearch());
    await this.#check(seen);
    const log = await this.#searchLog(seen);
    const matched = seen.files.filter(isMatched);
    const [live, others] = [
      matched.filter(({ kind }) => kind === 'live'),
      matched.filter(({ kind }) => kind !== 'live'),
    ];
    const searched = searchedFiles(seen);
    const left = [
      ...filesLeft(seen.files, { ...this.#options, readByClones: new Set() }),
      ...quotesLeft(log),
    ];
    const { fileCount: searchedCount, quoting } = log;
    const quotingCount = quoting.length;
    return {
      kind: 'planned',
      snapshot,
      clean: left.length === 0,
      before: searched,
      after: searched,
      rewritten: live.map(keyOf),
      deleted: others.map(keyOf),
      ...lostBy(matched, null),
      log: { searchedCount, quotingBefore: quotingCount, quotingAfter: quotingCount, deleted: [] },
      left,
      tables: seen.tables,
      postCommitErrors: [],
    };
  }

  async run(start: Snapshot): Promise<EraseResult> {
    const published = isManifestEnabled(start.metadata) ? await this.#publish(start) : start;
    const search = this.#newSearch();
    const before = await this.#look(published, search);
    await this.#check(before);
    const { fileCount: searchedCount, quoting } = await this.#searchLog(before);
    const { where, session, signal } = this.#options;
    const look = (snapshot: Snapshot): Promise<Survey> => this.#look(snapshot, search);
    const how = { where, session, signal, search, look };
    const rewritten = await rewriteLive(this.#ctx, before, how);
    const nowMs = Math.min(this.#ctx.clock.now(), await storeTimeMs(this.#ctx));
    const { deleted, readByClones } = await this.#delete(rewritten.seen, nowMs);
    const folders = await removeFolders(this.#ctx, rewritten.seen.names.snapshot, where);
    // By a search of its own, which knows nothing of what was found before.
    const latest = await refreshSnapshot(this.#ctx, rewritten.seen.names.snapshot);
    const after = await this.#look(latest, this.#newSearch());
    const log = await this.#cleanLog(after, nowMs);
    const left = [
      ...filesLeft(after.files, { ...this.#options, readByClones }),
      ...folders,
      ...(await manifestsLeft(this.#ctx, after, where)),
      ...log.left,
    ];
    return {
      kind: 'erased',
      snapshot: log.snapshot,
      clean: left.length === 0,
      before: searchedFiles(before),
      after: searchedFiles(after),
      rewritten: rewritten.keys,
      deleted: deleted.map(keyOf),
      ...lostBy(deleted, { from: before.names.earliest, to: (log.keepFrom ?? 0) - 1 }),
      log: {
        searchedCount,
        quotingBefore: quoting.length,
        quotingAfter: (await this.#searchLog(after)).quoting.length,
        deleted: log.deleted,
      },
      left,
      tables: after.tables,
      postCommitErrors: [...rewritten.postCommitErrors, ...log.postCommitErrors],
    };
  }

  #newSearch(): FileSearch {
    const { where, session, signal } = this.#options;
    return new FileSearch(this.#ctx, { where, session: () => session.open(), signal });
  }

  async #look(snapshot: Snapshot, search: FileSearch): Promise<Survey> {
    return survey(this.#ctx, await namedFiles(this.#ctx, snapshot), search);
  }

  #searchLog(seen: Survey): Promise<LogSearch> {
    return searchLog(this.#ctx, seen, this.#options.where);
  }

  async #publish(snapshot: Snapshot): Promise<Snapshot> {
    return (await publishManifest(this.#ctx, snapshot, { restore: true })).snapshot;
  }

  /** What cannot be proved is not begun. */
  async #check({ names, files }: Survey): Promise<void> {
    const { where } = this.#options;
    const elsewhere = names.elsewhere.filter((add) => mayHold(names.snapshot, where, add));
    if (elsewhere.length > 0) throw eraseElsewhere(elsewhere.map(({ path }) => path));
    const unknown = files.filter(
      ({ kind, searched }) => kind !== 'orphan' && searched.kind !== 'rows',
    );
    if (unknown.length > 0) throw eraseUnreadable(unknown.map(keyOf), reasonOf(unknown));
    const reads = await this.#readsOfClones(files.filter(isMatched));
    if (reads.length > 0) throw eraseClone(reads);
  }

  #readsOfClones(files: readonly SurveyedFile[]): Promise<readonly CloneRead[]> {
    const { clones: also = [], forgetClones: forget = [] } = this.#options;
    return readsOfClones(this.#ctx, new Set(files.map(keyOf)), { forget, also });
  }

  /** Deletes files with such rows that the newest version does not have, and what writers that failed left unreadable. */
  async #delete(
    { names, files, manifests }: Survey,
    nowMs: number,
  ): Promise<{
    readonly deleted: readonly SurveyedFile[];
    readonly readByClones: ReadonlySet<string>;
  }> {
    const { writerMs, signal } = this.#options;
    const doomed = files.filter((file) => {
      const { kind, meta, searched } = file;
      if (kind !== 'orphan') return kind !== 'live' && isMatched(file);
      const isOld = writerMs === 0 || meta.modifiedMs < nowMs - writerMs;
      return isOld && (isMatched(file) || searched.kind === 'unreadable');
    });
    const reads = await this.#readsOfClones(doomed);
    const readByClones = new Set(reads.map(({ key }) => key));
    // Also where the property is not set: what was published once is what others read.
    const latest =
      manifests.length > 0 && doomed.length > 0
        ? await this.#publish(names.snapshot)
        : await refreshSnapshot(this.#ctx, names.snapshot);
    // What another writer, such as a restore, brought back meanwhile.
    const live = new Set<string | null>();
    const root = encodedRoot(this.#ctx.store);
    for (const { path } of latest.files()) live.add(keyBelow(root, path, { isOwn: true }));
    const deleted = doomed.filter((file) => {
      const key = keyOf(file);
      return !live.has(key) && !readByClones.has(key);
    });
    for (let start = 0; start < deleted.length; start += DELETE_FILES_MAX) {
      signal?.throwIfAborted();
      await this.#ctx.store.delete(deleted.slice(start, start + DELETE_FILES_MAX).map(keyOf));
    }
    return { deleted, readByClones };
  }

  async #cleanLog(after: Survey, nowMs: number): Promise<CleanedLog> {
    const { writerMs, keepLog = false } = this.#options;
    const search = (): Promise<LogSearch> => this.#searchLog(after);
    const { earliest } = after.names;
    const options = { earliest, search, writerMs, nowMs, keepLog };
    return cleanQuotes(this.#ctx, after.names.snapshot, await search(), options);
  }
}

function reasonOf([file]: readonly SurveyedFile[]): string {
  const searched = file?.searched;
  return searched?.kind === 'unreadable' ? searched.reason : 'it is no Parquet file';
}

/** `log`: versions that were cleaned out of the log. */
function lostBy(
  files: readonly SurveyedFile[],
  log: VersionRange | null,
): Pick<EraseResult, 'versionsLost' | 'changesLost'> {
  const rangesOf = (isChanges: boolean): readonly VersionRange[] =>
    files.flatMap(({ kind, ranges }) => ((kind === 'changes') === isChanges ? ranges : []));
  const gone = log === null || log.to < log.from ? [] : [log];
  return {
    versionsLost: mergedRanges([...rangesOf(false), ...gone]),
    changesLost: mergedRanges(rangesOf(true)),
  };
}
