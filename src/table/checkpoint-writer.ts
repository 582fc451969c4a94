/**
 * The Parquet file of a checkpoint or a sidecar. Live files that came in the columns of an earlier one stay encoded as they are:
 * row groups of our own in which nothing changed are copied whole, of others the pages of paths and statistics, which are most of
 * a checkpoint. So it costs what changed, and the bytes.
 */

import type { AddFile, CheckpointAction, FileSet } from '../log/index.ts';
import type * as Parquet from '../parquet/index.ts';
import { CheckpointColumns } from './checkpoint-columns.ts';
import { FileLeaves } from './checkpoint-files.ts';
import { checkpointRow, type CheckpointLayout, checkpointSchema } from './checkpoint-rows.ts';
import type { FileSegment } from './file-segment.ts';

/** Rows of a row group: what changes later makes no more than these be encoded again. */
const GROUP_ROWS_MAX = 32_768;
const GROUP_BYTES_MAX = 64 * 1024 * 1024;
/** Pages of fewer rows are not worth being copied. */
const COPY_ROWS_MIN = 4_096;

export class CheckpointWriter {
  readonly #parquet: typeof Parquet;
  readonly #writer: Parquet.ParquetWriter;
  readonly #copier: Parquet.LeafCopier;
  readonly #layout: CheckpointLayout;
  /** Files that wait for the row group under way, and those of a row group of which pages are copied. */
  readonly #leaves: FileLeaves;
  readonly #outlines: FileLeaves;
  readonly #copied = new Map<number, FileSegment>();

  private constructor(
    parquet: typeof Parquet,
    writer: Parquet.ParquetWriter,
    layout: CheckpointLayout,
  ) {
    this.#parquet = parquet;
    this.#writer = writer;
    this.#copier = new parquet.LeafCopier();
    this.#layout = layout;
    this.#leaves = new FileLeaves(parquet, layout.statistics);
    this.#outlines = new FileLeaves(parquet, layout.statistics);
  }

  static async open(layout: CheckpointLayout): Promise<CheckpointWriter> {
    const parquet = await import('../parquet/index.ts');
    const writer = await parquet.ParquetWriter.open({});
    await writer.add(await parquet.rowsToArrow(checkpointSchema(layout), []));
    return new CheckpointWriter(parquet, writer, layout);
  }

  /** Adds a row for each action. */
  async addActions(actions: readonly CheckpointAction[]): Promise<void> {
    const schema = checkpointSchema(this.#layout);
    for (let start = 0; start < actions.length; start += GROUP_ROWS_MAX) {
      const rows = actions.slice(start, start + GROUP_ROWS_MAX).map(checkpointRow);
      await this.#writer.add(await this.#parquet.rowsToArrow(schema, rows));
    }
  }

  /** Adds a row for each live file. */
  async addFileSet(files: FileSet): Promise<void> {
    const { columns, hidden, others } = files.layers();
    if (!(columns instanceof CheckpointColumns)) return this.addFiles(files.values());
    const plans = plansOf(columns, hidden);
    const liveCount = plans.reduce((sum, plan) => sum + plan.liveCount, 0);
    const joined = this.#joined(plans, files.size - liveCount);
    for (const plan of plans) {
      if (joined.has(plan)) await this.#add(filesOf(plan));
      else if (!this.#copyGroup(plan) && !(await this.#copyPages(plan))) {
        await this.#add(filesOf(plan));
      }
    }
    return this.addFiles(others);
  }

  /** Adds a row for each file. */
  async addFiles(files: Iterable<AddFile>): Promise<void> {
    await this.#add(files);
    await this.#flush();
  }

  /** The row groups that were copied as they are, by their numbers in the file. */
  get copied(): ReadonlyMap<number, FileSegment> {
    return this.#copied;
  }

  /** The bytes of the file. Errors: those of reading what is copied. */
  finish(): Uint8Array {
    return this.#writer.finish();
  }

  async #add(files: Iterable<AddFile>): Promise<void> {
    for (const file of files) {
      this.#leaves.append(file);
      const { rowCount, sizeBytes } = this.#leaves;
      if (rowCount === GROUP_ROWS_MAX || sizeBytes >= GROUP_BYTES_MAX) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const leaves = this.#leaves;
    if (leaves.rowCount === 0) return;
    this.#writer.addLeaves(leaves.rowCount, await leaves.finish());
    leaves.clear();
  }

  /**
   * The small row groups that are put together with the files that are written anyway: each no larger than what it joins, so that
   * row groups stay few and no file is written again often.
   */
  #joined(plans: readonly SegmentPlan[], freshCount: number): ReadonlySet<SegmentPlan> {
    const joined = new Set<SegmentPlan>();
    let rowCount = freshCount;
    for (const plan of plans.toSorted((a, b) => a.liveCount - b.liveCount)) {
      if (plan.liveCount > Math.min(rowCount, GROUP_ROWS_MAX / 2)) break;
      joined.add(plan);
      rowCount += plan.liveCount;
    }
    return joined;
  }

  /** Copies a row group as it is; false where something in it changed, or it is not one of ours. */
  #copyGroup({ segment, dropped }: SegmentPlan): boolean {
    const parquet = this.#parquet;
    const { origin } = segment;
    if (origin === null || dropped.length > 0 || !this.#writer.canTake(origin.footer)) return false;
    const { footer, rowGroup, held } = origin;
    const leaves = new Map<string, Parquet.CopiedLeaf>();
    for (const chunk of footer.rowGroups[rowGroup]?.columns ?? []) {
      const leaf = parquet.leafAt(footer.columns, chunk.path);
      if (leaf === null) return false;
      const bytes = parquet.bytesOnDisk(held, chunk);
      const opened = parquet.openLeaf({ leaf, chunk, bytes, file: held.name });
      const copy = opened && this.#copier.copy(opened, { dropped, bounds: chunk.statistics });
      if (copy === null) return false;
      leaves.set(keyOf(chunk.path), copy);
    }
    this.#copied.set(this.#writer.rowGroupCount, segment);
    this.#writer.addLeaves(segment.rowCount, (path) => leaves.get(keyOf(path)) ?? null);
    return true;
  }

  /** Copies pages of paths and statistics, and encodes the rest; false where they are laid out otherwise. */
  async #copyPages(plan: SegmentPlan): Promise<boolean> {
    const { segment, dropped, liveCount } = plan;
    if (liveCount < COPY_ROWS_MIN) return false;
    const { hasText, parsed } = this.#layout.statistics;
    const statistics = hasText ? segment.statistics : null;
    const copies = new Map<string, Parquet.CopiedLeaf>();
    for (const chunk of [segment.paths, ...(statistics === null ? [] : [statistics])]) {
      if (chunk.leaf.definitionMax !== COPY_LEVEL || chunk.leaf.repetitionMax > 0) return false;
      const copy = this.#copier.copy(chunk, { dropped, bounds: null });
      if (copy === null) return false;
      copies.set(keyOf(chunk.leaf.path), copy);
    }
    const leaves = this.#outlines;
    const reader = plan.columns.readerOf(segment);
    const isRead = statistics === null || parsed !== null;
    for (const row of rowsOf(plan)) leaves.append(reader.outline(row, { statistics: isRead }));
    const source = await leaves.finish();
    this.#writer.addLeaves(liveCount, (path) => copies.get(keyOf(path)) ?? source(path));
    leaves.clear();
    return true;
  }
}

/** Definition level of a member of `add` that is there. */
const COPY_LEVEL = 2;

interface SegmentPlan {
  readonly columns: CheckpointColumns;
  readonly segment: FileSegment;
  /** Rows that hold no live file, in rising order. */
  readonly dropped: readonly number[];
  readonly liveCount: number;
}

/** Of the segments that hold any live file. */
function plansOf(columns: CheckpointColumns, hidden: ReadonlySet<number>): readonly SegmentPlan[] {
  return columns.segments.flatMap(({ segment, first }) => {
    const { rowCount, isFile } = segment;
    const dropped: number[] = [];
    for (let row = 0; row < rowCount; row += 1) {
      if (isFile?.[row] === 0 || (hidden.size > 0 && hidden.has(first + row))) dropped.push(row);
    }
    const liveCount = rowCount - dropped.length;
    return liveCount === 0 ? [] : [{ columns, segment, dropped, liveCount }];
  });
}

function* rowsOf({ segment, dropped }: SegmentPlan): Generator<number> {
  let next = 0;
  for (let row = 0; row < segment.rowCount; row += 1) {
    if (dropped[next] === row) next += 1;
    else yield row;
  }
}

function* filesOf(plan: SegmentPlan): Generator<AddFile> {
  const reader = plan.columns.readerOf(plan.segment);
  for (const row of rowsOf(plan)) yield reader.file(row, { statistics: true });
}

function keyOf(path: readonly string[]): string {
  return path.join('\u0000');
}
