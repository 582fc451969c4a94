/**
 * OPTIMIZE: small files of a partition packed into few large ones, or rows laid out along a curve; REORG: files written
 * again without what is not in the table any more. No row changes, so that others append meanwhile without a conflict; a
 * bin of which another writer took a file is given up and planned again, all others are committed.
 */

import { unreachable } from '../../base/index.ts';
import { type Action, type AddFile, checkWritable } from '../../log/index.ts';
import type { Codec } from '../../parquet/index.ts';
import { findField } from '../../schema/index.ts';
import { commitTransaction } from '../commit.ts';
import { columnUnknown } from '../errors.ts';
import { refreshSnapshot } from '../open.ts';
import type { CommitOutcome, Snapshot, TableContext } from '../types.ts';
import { removalOf, totalOf } from './append-commit.ts';
import { discardFiles, moveTarget, type StagedFile } from './append-file.ts';
import { ENGINE_STATEMENTS_MAX, stageAll } from './append-stage.ts';
import { optimizeInvalid, writeConflict } from './errors.ts';
import { type Layout, layoutOf, type LayoutOptions } from './optimize-layout.ts';
import {
  type FileBin,
  planBins,
  type PackOptions,
  printedWhere,
  targetSizeOf,
} from './optimize-plan.ts';
import { filesToPurge } from './optimize-purge.ts';
import { LazySession, stageBin } from './optimize-write.ts';
import { rowIdColumnsOf } from './row-ids.ts';

export interface OptimizeOptions extends PackOptions, LayoutOptions, RewriteOptions {
  /** Columns by which the rows of a new file are sorted, nulls first. Default: they stay in the order of their files. */
  readonly sortBy?: readonly string[];
}

export interface ReorgOptions
  extends Pick<PackOptions, 'where' | 'targetFileSizeBytes'>, RewriteOptions {}

interface RewriteOptions {
  /** Only says what would be done. Default false. */
  readonly dryRun?: boolean;
  /** Of files that are encoded again. Default: the table's, or snappy. */
  readonly codec?: Codec;
  /** Stops between steps; what was committed by then stays. */
  readonly signal?: AbortSignal;
}

export interface OptimizeResult {
  /** `unchanged`: there was nothing to pack; `planned`: a dry run, with what would be done. */
  readonly kind: 'committed' | 'unchanged' | 'planned';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  readonly commitCount: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  /** 0 for a dry run, which cannot know. */
  readonly bytesAdded: number;
  readonly bytesRemoved: number;
  /** Bins given up because other writers kept on taking their files: the next call finds what is left of them. */
  readonly binsLost: number;
  /** As in `CommitOutcome`, of all commits. */
  readonly postCommitErrors: readonly Error[];
}

/** Bytes of input in one commit, more or less: what is lost at most when the process ends in between. */
const COMMIT_BYTES = 1024 * 1024 * 1024;
/** How often what was lost to other writers is packed again. */
const ROUNDS_MAX = 5;
/** Tries to commit what is left of some bins, after conflicts. */
const TRIES_MAX = 100;

/** How the work is named in the log. */
interface Work {
  readonly layout: Layout;
  /** Whether nobody asked for it. */
  readonly isAuto: boolean;
  /** To choose from. Default: all. */
  readonly files?: Iterable<AddFile>;
}

/**
 * Packs small files, lays rows out by `zOrderBy`, or by the columns that the table is clustered by; files of which many rows are
 * deleted are written again without them. In one commit or, where there is much to do, several: each is atomic, and what a
 * failure leaves behind are files that no commit names. Errors: `OPTIMIZE_INVALID`, `COLUMN_UNKNOWN`, `EXPRESSION_…` (invalid),
 * `FEATURE_UNSUPPORTED`, `WRITE_CONFLICT` after very many lost races, those of the stores, of Parquet and of `commitTransaction`.
 */
export async function optimize(
  ctx: TableContext,
  snapshot: Snapshot,
  options: OptimizeOptions = {},
): Promise<OptimizeResult> {
  checkRewrites(snapshot);
  checkSort(snapshot, options);
  const layout = layoutOf(snapshot, options);
  return run(ctx, snapshot, options, { layout, isAuto: false });
}

/**
 * REORG: writes files again that hold rows which are deleted, or columns which were dropped, so that once older versions are
 * vacuumed no byte of them is left. The footer of each file is read. Errors: as of `optimize`.
 */
export async function reorg(
  ctx: TableContext,
  snapshot: Snapshot,
  options: ReorgOptions = {},
): Promise<OptimizeResult> {
  checkRewrites(snapshot);
  return run(ctx, snapshot, options, { layout: { kind: 'purge' }, isAuto: false });
}

/** As `optimize`, for some of the files, after a commit and by itself. */
export async function compactNow(
  ctx: TableContext,
  snapshot: Snapshot,
  { files, ...options }: PackOptions & { readonly files: Iterable<AddFile> },
): Promise<OptimizeResult> {
  checkRewrites(snapshot);
  return run(ctx, snapshot, options, { layout: { kind: 'pack' }, isAuto: true, files });
}

function checkRewrites({ protocol, metadata }: Snapshot): void {
  checkWritable(protocol, metadata, 'rearrange');
}

async function run(
  ctx: TableContext,
  snapshot: Snapshot,
  options: OptimizeOptions,
  work: Work,
): Promise<OptimizeResult> {
  const session = new LazySession(ctx);
  try {
    const optimizer = new Optimizer(ctx, snapshot, { options, work, session });
    const bins = await optimizer.plan(work.files ?? snapshot.files());
    return options.dryRun === true ? planned(snapshot, bins) : await optimizer.run(bins);
  } finally {
    await session.close();
  }
}

/** A bin, and the files that are to take its place: none where it has no rows. */
interface PackedBin {
  readonly bin: FileBin;
  readonly files: readonly StagedFile[];
}

class Optimizer {
  readonly #ctx: TableContext;
  readonly #options: OptimizeOptions;
  readonly #work: Work;
  readonly #session: LazySession;
  readonly #done: PackedBin[] = [];
  readonly #postCommitErrors: Error[] = [];
  #snapshot: Snapshot;
  #commitCount = 0;

  constructor(
    ctx: TableContext,
    snapshot: Snapshot,
    how: {
      readonly options: OptimizeOptions;
      readonly work: Work;
      readonly session: LazySession;
    },
  ) {
    this.#ctx = ctx;
    this.#snapshot = snapshot;
    this.#options = how.options;
    this.#work = how.work;
    this.#session = how.session;
  }

  async plan(files: Iterable<AddFile>): Promise<readonly FileBin[]> {
    const { layout } = this.#work;
    const some =
      layout.kind === 'purge'
        ? await filesToPurge(this.#ctx, this.#snapshot, files, this.#options)
        : files;
    return planBins(this.#snapshot, some, { ...this.#options, layout });
  }

  async run(bins: readonly FileBin[]): Promise<OptimizeResult> {
    let waiting = bins;
    for (let round = 1; round <= ROUNDS_MAX && waiting.length > 0; round += 1) {
      const lost: FileBin[] = [];
      for (const some of inCommits(waiting))
        lost.push(...(await this.#commit(await this.#write(some))));
      waiting = await this.plan(this.#stillLive(lost));
    }
    return {
      kind: this.#commitCount === 0 ? 'unchanged' : 'committed',
      snapshot: this.#snapshot,
      commitCount: this.#commitCount,
      filesAdded: totalOf(this.#done, ({ files }) => files.length),
      filesRemoved: totalOf(this.#done, ({ bin }) => bin.files.length),
      bytesAdded: totalOf(this.#done, ({ files }) => totalOf(files, ({ add }) => add.size)),
      bytesRemoved: totalOf(this.#done, ({ bin }) => bin.sizeBytes),
      binsLost: waiting.length,
      postCommitErrors: this.#postCommitErrors,
    };
  }

  async #write(bins: readonly FileBin[]): Promise<readonly PackedBin[]> {
    const { codec, sortBy = [], signal } = this.#options;
    const snapshot = this.#snapshot;
    const writer = {
      ctx: this.#ctx,
      snapshot,
      session: this.#session,
      target: moveTarget(snapshot, codec),
      layout: this.#work.layout,
      sortBy,
      targetFileSizeBytes: targetSizeOf(snapshot, this.#options),
      signal,
    };
    const packed: PackedBin[] = [];
    await stageAll(this.#ctx, bins, ENGINE_STATEMENTS_MAX, async (bin) => {
      const files = await stageBin(writer, bin);
      packed.push({ bin, files });
      return files;
    });
    return packed;
  }

  /** Commits bins, without those that turn out to be lost to other writers: these it returns. */
  async #commit(packed: readonly PackedBin[]): Promise<readonly FileBin[]> {
    const lost: FileBin[] = [];
    let left = packed;
    let conflict: Extract<CommitOutcome, { kind: 'conflict' }> | null = null;
    for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
      if (left.length === 0) return lost;
      const outcome = await commitTransaction(this.#ctx, this.#snapshot, this.#transaction(left));
      switch (outcome.kind) {
        case 'committed':
          this.#snapshot = outcome.snapshot;
          this.#commitCount += 1;
          this.#done.push(...left);
          this.#postCommitErrors.push(...outcome.postCommitErrors);
          return lost;
        case 'applied':
          return lost;
        case 'conflict': {
          conflict = outcome;
          const before = this.#snapshot;
          this.#snapshot = await refreshSnapshot(this.#ctx, before);
          const valid = new Set(left.filter(({ bin }) => isValid(bin, before, this.#snapshot)));
          const gone = left.filter((it) => !valid.has(it));
          await discardFiles(
            this.#ctx,
            gone.flatMap(({ files }) => files),
          );
          lost.push(...gone.map(({ bin }) => bin));
          left = [...valid];
          break;
        }
        default:
          return unreachable(outcome);
      }
    }
    await discardFiles(
      this.#ctx,
      left.flatMap(({ files }) => files),
    );
    throw writeConflict(conflict?.code ?? '', conflict?.reason ?? '', conflict?.error);
  }

  #transaction(packed: readonly PackedBin[]): Parameters<typeof commitTransaction>[2] {
    const { signal } = this.#options;
    const removed = packed.flatMap(({ bin }) => bin.files);
    const added = packed.flatMap(({ files }) => files.map(({ add }) => add));
    return {
      operation: this.#work.layout.kind === 'purge' ? 'REORG' : 'OPTIMIZE',
      operationParameters: parametersOf(this.#snapshot, this.#options, this.#work),
      operationMetrics: metricsOf(removed, added),
      actions: [
        ...removed.map((add) => removalOf(this.#ctx, add, { dataChange: false })),
        ...added.map((add): Action => ({ kind: 'add', add: { ...add, dataChange: false } })),
      ],
      reads: { kind: 'rows', predicate: null, paths: new Set(removed.map(({ path }) => path)) },
      keepsRowIds: true,
      ...(signal === undefined ? {} : { signal }),
    };
  }

  *#stillLive(bins: readonly FileBin[]): Iterable<AddFile> {
    for (const { files } of bins) {
      for (const { path } of files) {
        const live = this.#snapshot.file(path);
        if (live !== null) yield live;
      }
    }
  }
}

/** Whether what was written for a bin may still take its place: its files are there, and mean what they meant. */
function isValid(bin: FileBin, before: Snapshot, latest: Snapshot): boolean {
  return (
    latest.metadata.id === before.metadata.id &&
    latest.metadata.schemaString === before.metadata.schemaString &&
    latest.partitionColumns.join() === before.partitionColumns.join() &&
    JSON.stringify(rowIdColumnsOf(latest)) === JSON.stringify(rowIdColumnsOf(before)) &&
    bin.files.every((add) => isSame(add, latest.file(add.path)))
  );
}

/** Whether the file is live with the rows that it had. */
function isSame(before: AddFile, now: AddFile | null): boolean {
  return (
    now !== null && JSON.stringify(before.deletionVector) === JSON.stringify(now.deletionVector)
  );
}

function inCommits(bins: readonly FileBin[]): readonly (readonly FileBin[])[] {
  const commits: FileBin[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const bin of bins) {
    if (sizeBytes + bin.sizeBytes > COMMIT_BYTES) {
      commits.push([]);
      sizeBytes = 0;
    }
    commits.at(-1)?.push(bin);
    sizeBytes += bin.sizeBytes;
  }
  return commits;
}

function planned(snapshot: Snapshot, bins: readonly FileBin[]): OptimizeResult {
  return {
    kind: 'planned',
    snapshot,
    commitCount: 0,
    filesAdded: bins.length,
    filesRemoved: totalOf(bins, ({ files }) => files.length),
    bytesAdded: 0,
    bytesRemoved: totalOf(bins, ({ sizeBytes }) => sizeBytes),
    binsLost: 0,
    postCommitErrors: [],
  };
}

function checkSort({ schema }: Snapshot, { sortBy = [] }: OptimizeOptions): void {
  for (const name of sortBy) {
    const field = findField(schema, name);
    if (field === null) {
      throw columnUnknown(
        name,
        schema.fields.map((it) => it.name),
      );
    }
    if (field.type.kind !== 'primitive' && field.type.kind !== 'decimal') {
      throw optimizeInvalid(`rows cannot be sorted by ${name}, which does not hold single values`);
    }
  }
}

/** As Spark writes them. */
function parametersOf(
  snapshot: Snapshot,
  options: OptimizeOptions,
  { layout, isAuto }: Work,
): Record<string, string> {
  const where = printedWhere(snapshot, options);
  const predicate = JSON.stringify(where === null ? [] : [where]);
  if (layout.kind === 'purge') return { predicate, applyPurge: 'true' };
  const names = (kind: 'zorder' | 'cluster'): string =>
    JSON.stringify(layout.kind === kind ? layout.columns.map(({ name }) => name) : []);
  return {
    predicate,
    zOrderBy: names('zorder'),
    clusterBy: names('cluster'),
    auto: String(isAuto),
    ...(layout.kind === 'cluster' && layout.full ? { isFull: 'true' } : {}),
  };
}

/** As Spark names them; the sizes are those of the new files. */
function metricsOf(
  removed: readonly AddFile[],
  added: readonly AddFile[],
): Readonly<Record<string, string>> {
  const sizes = added.map(({ size }) => size).toSorted((a, b) => a - b);
  const quantile = (share: number): string =>
    String(sizes[Math.floor(share * (sizes.length - 1))] ?? 0);
  return {
    numRemovedFiles: String(removed.length),
    numRemovedBytes: String(totalOf(removed, ({ size }) => size)),
    numAddedFiles: String(added.length),
    numAddedBytes: String(totalOf(sizes, (size) => size)),
    numDeletionVectorsRemoved: String(
      removed.filter(({ deletionVector }) => deletionVector !== undefined).length,
    ),
    minFileSize: quantile(0),
    p25FileSize: quantile(0.25),
    p50FileSize: quantile(0.5),
    p75FileSize: quantile(0.75),
    maxFileSize: quantile(1),
  };
}
