/**
 * COPY INTO: files below a prefix into a table, each once, ever. The table itself remembers them: a transaction of an application of
 * its own for each file comes in the commit that brings its rows, so that neither can be there without the other.
 */

import pLimit from 'p-limit';

import { backoffMs, isDeltaError, messageOf, unreachable } from '../../base/index.ts';
import { type Action, checkWritable } from '../../log/index.ts';
import type { Codec } from '../../parquet/index.ts';
import { commitTransaction } from '../commit.ts';
import { atTable } from '../errors.ts';
import { refreshSnapshot } from '../open.ts';
import { txnRetentionMs } from '../properties.ts';
import type { CommitOutcome, Snapshot, TableContext, TxnStep } from '../types.ts';
import { totalOf, writeMetrics } from './append-commit.ts';
import { discardFiles, type StagedFile } from './append-file.ts';
import { stageSource } from './append-source.ts';
import { copyIntoForgets, copyIntoInvalid, copyIntoRejected } from './copy-into-errors.ts';
import { listFiles, type NewFile, sourceOf } from './copy-into-files.ts';
import { sourceUnfit, writeConflict } from './errors.ts';
import type { EvolveOptions } from './evolve.ts';
import { inBatches } from './input-list.ts';

export interface CopyIntoOptions extends EvolveOptions {
  /** The folder or prefix, as a URI or a path; all below it, but for names that begin with `_` or `.`. */
  readonly from: string;
  /** Only files whose path below `from` it fits: `*` and `?` within a name, `**` across folders, `{a,b}`. Default: all. */
  readonly pattern?: string;
  /** JSON has one object a line. Default: what all the files' names end with. */
  readonly format?: 'parquet' | 'json';
  /** Loads files again that were loaded before. Default false. */
  readonly force?: boolean;
  /**
   * What becomes of a file that cannot be loaded: `stop`, the default, is an error, and nothing of its batch is loaded; `skip` leaves
   * it out and tells of it, and the next call tries it again.
   */
  readonly onBadFile?: 'stop' | 'skip';
  /** Files in one commit at most. Default 1,000. */
  readonly filesMax?: number;
  /** Of files that are encoded here. Default: the table's, or snappy. */
  readonly codec?: Codec;
  /** Stops between steps; what was committed by then stays, and is remembered. */
  readonly signal?: AbortSignal;
}

/** A type alias, so that it counts as JSON where it is printed. */
export type RejectedFile = {
  /** Below `from`. */
  readonly path: string;
  /** Stable: that of the error with which it alone could not be loaded. */
  readonly code: string;
  readonly reason: string;
};

export interface CopyIntoResult {
  /** `unchanged`: no file was new. */
  readonly kind: 'committed' | 'unchanged';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  readonly commitCount: number;
  /** Files that were loaded, and their rows. */
  readonly loadedCount: number;
  readonly rowCount: number;
  /** Files that the table had already. */
  readonly skippedCount: number;
  /** Of those, files whose content is another one now: what it was when it was loaded is in the table. */
  readonly changedCount: number;
  readonly rejected: readonly RejectedFile[];
  /** Data files that came into the table. */
  readonly filesAdded: number;
  readonly sizeBytes: number;
  /** As in `CommitOutcome`, of all commits. */
  readonly postCommitErrors: readonly Error[];
}

const FILES_MAX = 1_000;
const BATCH_BYTES_MAX = 4 * 1024 * 1024 * 1024;
const HEADS_MAX = 16;
/** Each lost try means that another writer's commit went through, or that a file changed. */
const TRIES_MAX = 100;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/**
 * Loads the files that the table does not have yet, in the order of their paths, in commits of some files each: atomic, also beside
 * other calls and after answers that were lost. A file is known again by its path. Parquet whose bytes fit is copied. Errors:
 * `COPY_INTO_INVALID`, `COPY_INTO_FORGETS` (invalid), `COPY_INTO_REJECTED` (data), `WRITE_CONFLICT` after very many lost races,
 * `FEATURE_UNSUPPORTED`, `RULE_UNSUPPORTED`, `COMMIT_OUTCOME_UNKNOWN`, after which another call finds out, those of the stores.
 */
export async function copyInto(
  ctx: TableContext,
  snapshot: Snapshot,
  options: CopyIntoOptions,
): Promise<CopyIntoResult> {
  return atTable(ctx.store.uri, async () => {
    const latest = await refreshSnapshot(ctx, snapshot);
    checkWritable(latest.protocol, latest.metadata, 'checked');
    const filesMax = filesMaxOf(options);
    const files = await listFiles(ctx, options);
    const loader = new Loader(ctx, latest, options);
    const wanted = files.filter((file) => loader.wants(file));
    for (const batch of inBatches(wanted, { filesMax, bytesMax: BATCH_BYTES_MAX })) {
      await loader.load(batch);
    }
    return loader.result();
  });
}

function filesMaxOf({ filesMax = FILES_MAX }: CopyIntoOptions): number {
  if (Number.isSafeInteger(filesMax) && filesMax > 0) return filesMax;
  throw copyIntoInvalid('filesMax is a whole number, 1 or more');
}

interface StagedBatch {
  readonly files: readonly StagedFile[];
  readonly actions: readonly Action[];
}

class Loader {
  readonly #ctx: TableContext;
  readonly #options: CopyIntoOptions;
  readonly #rejected: RejectedFile[] = [];
  readonly #added: StagedFile[] = [];
  readonly #postCommitErrors: Error[] = [];
  #snapshot: Snapshot;
  #commitCount = 0;
  #loadedCount = 0;
  #skippedCount = 0;
  #changedCount = 0;

  constructor(ctx: TableContext, snapshot: Snapshot, options: CopyIntoOptions) {
    this.#ctx = ctx;
    this.#snapshot = snapshot;
    this.#options = options;
  }

  /** Whether the file is to be loaded, as far as the table knows; counts it where not. */
  wants(file: NewFile): boolean {
    const held = this.#snapshot.txnVersion(file.appId);
    if (held === null || this.#options.force === true) return true;
    this.#skippedCount += 1;
    if (held !== file.modifiedMs) this.#changedCount += 1;
    return false;
  }

  /** Loads a batch, again on the table as it is then where another writer was first, without what that one loaded. */
  async load(batch: readonly NewFile[]): Promise<void> {
    const { signal } = this.#options;
    let files = batch;
    let lost: Lost | null = null;
    for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
      signal?.throwIfAborted();
      checkRemembers(this.#snapshot);
      // Also at first: while the batch before was committed, another run may have loaded some of this one.
      files = files.filter((file) => this.wants(file));
      const staged = await this.#stageGood(files);
      ({ files } = staged);
      if (files.length === 0) return;
      const now = await this.#asTheyAre(files);
      if (now !== null) {
        await discardFiles(this.#ctx, staged.batch.files);
        files = now;
      } else {
        const outcome = await this.#commit(files, staged.batch);
        if (outcome === null) return;
        lost = outcome;
      }
      await this.#ctx.clock.sleep(backoffMs(this.#ctx.random, BACKOFF, attempt), signal);
      this.#snapshot = await refreshSnapshot(this.#ctx, this.#snapshot);
    }
    throw writeConflict(lost?.code ?? '', lost?.reason ?? '', lost?.error);
  }

  result(): CopyIntoResult {
    return {
      kind: this.#commitCount === 0 ? 'unchanged' : 'committed',
      snapshot: this.#snapshot,
      commitCount: this.#commitCount,
      loadedCount: this.#loadedCount,
      rowCount: totalOf(this.#added, ({ rowCount }) => rowCount),
      skippedCount: this.#skippedCount,
      changedCount: this.#changedCount,
      rejected: this.#rejected,
      filesAdded: this.#added.length,
      sizeBytes: totalOf(this.#added, ({ add }) => add.size),
      postCommitErrors: this.#postCommitErrors,
    };
  }

  /** Stages the files that can be loaded together, and rejects the others. */
  async #stageGood(
    wanted: readonly NewFile[],
  ): Promise<{ readonly files: readonly NewFile[]; readonly batch: StagedBatch }> {
    let files = wanted;
    while (files.length > 0) {
      try {
        return { files, batch: await this.#stage(files) };
      } catch (error) {
        if (!isOfFile(error)) throw error;
        const bad = await this.#badOf(files, error);
        const [first] = bad;
        // Each alone could be loaded, but not all of them together.
        if (first === undefined) throw error;
        if (this.#options.onBadFile !== 'skip') {
          throw copyIntoRejected(first.path, { ...first, count: bad.length });
        }
        this.#rejected.push(...bad);
        const paths = new Set(bad.map(({ path }) => path));
        files = files.filter(({ path }) => !paths.has(path));
      }
    }
    return { files, batch: { files: [], actions: [] } };
  }

  /** Which of the files cannot be loaded, by halves: good ones are many. */
  async #badOf(files: readonly NewFile[], error: unknown): Promise<readonly RejectedFile[]> {
    const [only] = files;
    if (files.length === 1 && only !== undefined) {
      return [{ path: only.path, code: codeOf(error), reason: messageOf(error) }];
    }
    const middle = Math.ceil(files.length / 2);
    const bad: RejectedFile[] = [];
    for (const half of [files.slice(0, middle), files.slice(middle)]) {
      const fault = await this.#faultOf(half);
      if (fault !== null) bad.push(...(await this.#badOf(half, fault)));
    }
    return bad;
  }

  async #faultOf(files: readonly NewFile[]): Promise<unknown> {
    try {
      const staged = await this.#stage(files);
      await discardFiles(this.#ctx, staged.files);
      return null;
    } catch (error) {
      if (!isOfFile(error)) throw error;
      return error;
    }
  }

  async #stage(files: readonly NewFile[]): Promise<StagedBatch> {
    const { evolve, codec, signal } = this.#options;
    for (const { path, sizeBytes } of files)
      if (sizeBytes === 0) throw sourceUnfit(path, 'INPUT_EMPTY', 'it is empty');
    const source = sourceOf(files, this.#snapshot.schema);
    return stageSource(this.#ctx, this.#snapshot, source, {
      ...(evolve === undefined ? {} : { evolve }),
      ...(codec === undefined ? {} : { codec }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** The files that are still there, as they are now, where one of them is not what it was when it was listed; else null. */
  async #asTheyAre(files: readonly NewFile[]): Promise<readonly NewFile[] | null> {
    const now = await pLimit(HEADS_MAX).map([...files], async (file) => {
      const meta = await file.store.head(file.path);
      return meta === null ? null : { ...file, ...meta };
    });
    if (files.every(({ etag }, index) => now[index]?.etag === etag)) return null;
    const gone = files.filter((_, index) => now[index] === null);
    const reason = 'the file was deleted before it was loaded';
    this.#rejected.push(...gone.map(({ path }) => ({ path, code: 'INPUT_VANISHED', reason })));
    return now.filter((file) => file !== null);
  }

  /** Null where it is committed. */
  async #commit(files: readonly NewFile[], staged: StagedBatch): Promise<Lost | null> {
    const snapshot = this.#snapshot;
    const { signal } = this.#options;
    const outcome = await commitTransaction(this.#ctx, snapshot, {
      operation: 'COPY INTO',
      operationMetrics: { ...writeMetrics(staged.files), numFilesLoaded: String(files.length) },
      actions: [
        ...staged.actions,
        ...staged.files.map(({ add }): Action => ({ kind: 'add', add })),
      ],
      reads: { kind: 'nothing' },
      scope: 'checked',
      steps: files.map(({ appId, modifiedMs }): TxnStep => ({
        appId,
        version: modifiedMs,
        expected: snapshot.txnVersion(appId),
      })),
      ...(signal === undefined ? {} : { signal }),
    });
    if (outcome.kind !== 'committed') await discardFiles(this.#ctx, staged.files);
    switch (outcome.kind) {
      case 'committed':
        this.#snapshot = outcome.snapshot;
        this.#commitCount += 1;
        this.#loadedCount += files.length;
        this.#added.push(...staged.files);
        this.#postCommitErrors.push(...outcome.postCommitErrors);
        return null;
      case 'applied':
        return null;
      case 'conflict':
        return outcome;
      default:
        return unreachable(outcome);
    }
  }
}

type Lost = Extract<CommitOutcome, { kind: 'conflict' }>;

/** Transactions that are forgotten would let files in again. */
function checkRemembers({ metadata }: Snapshot): void {
  if (txnRetentionMs(metadata) === null) return;
  throw copyIntoForgets(metadata.configuration['delta.setTransactionRetentionDuration'] ?? '');
}

/** Errors that a file is the reason of, and not the table or a store. */
const OF_FILES =
  /^(?:APPEND_SOURCE_|INPUT_|PARQUET_)|^(?:NULL_NOT_ALLOWED|RULE_VIOLATED|COLUMN_GIVEN|EVOLUTION_REFUSED)$|^(?:ENGINE_(?:VALUE|FILE_TYPE|ENCODING|IO)|SCHEMA_PARTITION_VALUE|STORE_NOT_FOUND)$/;

/** What does not fit in a file is told by a code of its own. */
function codeOf(error: unknown): string {
  if (!isDeltaError(error)) return '';
  const { reason } = error.details;
  return error.code === 'APPEND_SOURCE_UNFIT' && typeof reason === 'string' ? reason : error.code;
}

function isOfFile(error: unknown): boolean {
  return isDeltaError(error) && OF_FILES.test(error.code);
}
