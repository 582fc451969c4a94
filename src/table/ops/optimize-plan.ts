/** Which files are to be written again together: bin packing over what the log says, partition by partition. */

import { unreachable } from '../../base/index.ts';
import { type AddFile, type PartitionValues, rowCountOf } from '../../log/index.ts';
import {
  columnsRead,
  type Expression,
  mayMatch,
  printExpression,
  resolveColumns,
} from '../../schema/index.ts';
import { targetFileSizeBytes } from '../properties.ts';
import type { Snapshot } from '../types.ts';
import { optimizeInvalid } from './errors.ts';
import { asExpression, partitionFields, partitionValuesOf } from './files.ts';
import { filesToCluster } from './optimize-cubes.ts';
import type { Layout } from './optimize-layout.ts';

export interface PackOptions {
  /** Spark's SQL over partition columns: only partitions for which it may be true. Default: all. */
  readonly where?: string | Expression;
  /** What the files of a bin come to at most, in bytes. Default: `delta.targetFileSize`, or 128 MiB. */
  readonly targetFileSizeBytes?: number;
  /** A partition with fewer files to be packed is left as it is. Default 2. */
  readonly minFileCount?: number;
  /**
   * For tables that are packed again and again: a file larger than the rest of its bin together waits for more to come,
   * so that no row is written more often than the logarithm of its file's growth. Default false: as few files as can be.
   */
  readonly gradual?: boolean;
}

/** Files of one partition that are written again together: where rows keep their order, into one file. */
export interface FileBin {
  /** By the schema's names. */
  readonly partitionValues: PartitionValues;
  /** At least one, in the order in which their rows stand. */
  readonly files: readonly AddFile[];
  readonly sizeBytes: number;
}

/** A file below this share of the target is small; a bin above it is full. */
const SMALL_SHARE = 3 / 4;

/** More rows than this share of a file hidden by its vector, and it is written again without them. As Spark has it. */
const DELETED_SHARE_MAX = 0.05;

/**
 * The bins of a snapshot: small files (below three quarters of the target), first fit, in the order in which they were
 * made, and files of which many rows are deleted. Nothing is read but the snapshot, so that a job may ask after each
 * commit; none where nothing is to be packed. Errors: `OPTIMIZE_INVALID`, `EXPRESSION_…` (invalid).
 */
export function filesToPack(snapshot: Snapshot, options: PackOptions = {}): readonly FileBin[] {
  return planBins(snapshot, snapshot.files(), { ...options, layout: { kind: 'pack' } });
}

/** As `filesToPack`, for some of the snapshot's files and for every layout; to purge, all files given are taken. */
export function planBins(
  snapshot: Snapshot,
  files: Iterable<AddFile>,
  options: PackOptions & { readonly layout: Layout },
): readonly FileBin[] {
  const { layout } = options;
  const targetBytes = targetSizeOf(snapshot, options);
  const where = whereOf(snapshot, options);
  const binsOf = (
    isTaken: (add: AddFile) => boolean,
    pack: (taken: readonly AddFile[]) => readonly (readonly AddFile[])[],
  ): readonly FileBin[] =>
    [...byPartition(snapshot, files, { isTaken, where }).values()].flatMap((partition) =>
      pack(partition.files).map((bin) => ({
        partitionValues: partition.values,
        files: bin,
        sizeBytes: sizeOf(bin),
      })),
    );
  switch (layout.kind) {
    case 'pack':
      return binsOf(
        (add) => add.size < targetBytes * SMALL_SHARE || isWorn(add),
        (taken) => packed(taken, targetBytes, options),
      );
    case 'purge':
      return binsOf(
        () => true,
        (taken) => firstFit(taken.toSorted(byAge), targetBytes),
      );
    case 'zorder':
      return binsOf(
        () => true,
        (taken) => [taken.toSorted(byAge)],
      );
    case 'cluster':
      return binsOf(
        () => true,
        (taken) => filesToCluster(taken, layout),
      );
    default:
      return unreachable(layout);
  }
}

/** The condition as Spark writes it down, with the names of the schema; null for none. */
export function printedWhere(snapshot: Snapshot, options: PackOptions): string | null {
  const where = whereOf(snapshot, options);
  return where === null ? null : printExpression(where);
}

/** What the new files come to at most, in bytes. Errors: `OPTIMIZE_INVALID`. */
export function targetSizeOf(
  { metadata }: Snapshot,
  options: Pick<PackOptions, 'targetFileSizeBytes'>,
): number {
  const size = options.targetFileSizeBytes ?? targetFileSizeBytes(metadata);
  if (Number.isFinite(size) && size >= 1) return size;
  throw optimizeInvalid('the target size of a file must be a number of bytes above 0');
}

/** Tells of a file whether it may be in a partition that the condition chooses. Errors: those of the condition. */
export function isInChosenPartition(
  snapshot: Snapshot,
  options: Pick<PackOptions, 'where'>,
): (add: AddFile) => boolean {
  const where = whereOf(snapshot, options);
  const { schema } = snapshot;
  const fields = partitionFields(snapshot);
  return (add) =>
    where === null ||
    mayMatch(where, { schema, partitionValues: partitionValuesOf(add, fields), statistics: null });
}

function whereOf(snapshot: Snapshot, { where }: PackOptions): Expression | null {
  const condition = asExpression(where);
  if (condition === null) return null;
  const resolved = resolveColumns(condition, snapshot.schema);
  const other = columnsRead(resolved, snapshot.schema).fields.find(
    ({ name }) => !snapshot.partitionColumns.includes(name),
  );
  if (other === undefined) return resolved;
  throw optimizeInvalid(
    `the condition reads ${other.name}, which is no partition column; only whole partitions can be chosen`,
  );
}

interface Partition {
  readonly values: PartitionValues;
  readonly files: AddFile[];
}

function byPartition(
  snapshot: Snapshot,
  files: Iterable<AddFile>,
  {
    isTaken,
    where,
  }: { readonly isTaken: (add: AddFile) => boolean; readonly where: Expression | null },
): ReadonlyMap<string, Partition> {
  const { schema } = snapshot;
  const fields = partitionFields(snapshot);
  const partitions = new Map<string, Partition>();
  for (const add of files) {
    if (!isTaken(add)) continue;
    const values = partitionValuesOf(add, fields);
    const key = JSON.stringify(values);
    const partition = partitions.get(key);
    if (partition !== undefined) partition.files.push(add);
    else if (
      where === null ||
      mayMatch(where, { schema, partitionValues: values, statistics: null })
    ) {
      partitions.set(key, { values, files: [add] });
    }
  }
  return partitions;
}

function packed(
  taken: readonly AddFile[],
  targetBytes: number,
  { minFileCount = 2, gradual = false }: PackOptions,
): readonly (readonly AddFile[])[] {
  const bins = firstFit(taken.toSorted(byAge), targetBytes)
    .map((bin) => (gradual ? withoutGiants(bin) : bin))
    .filter((bin) => bin.length > 1 || bin.some(isWorn));
  return bins.flat().length < minFileCount ? bins.filter((bin) => bin.some(isWorn)) : bins;
}

/** Whether many of its rows are deleted; who did not count them shall do so. */
function isWorn(add: AddFile): boolean {
  const hidden = add.deletionVector?.cardinality ?? 0;
  if (hidden === 0) return false;
  const rowCount = rowCountOf(add);
  return rowCount === null || hidden > rowCount * DELETED_SHARE_MAX;
}

/**
 * Rows that came together stay together, which keeps the ranges of what grows with time apart. Files of one time keep
 * the order of the log, which is mostly that of their rows.
 */
function byAge(left: AddFile, right: AddFile): number {
  return left.modificationTime - right.modificationTime;
}

function firstFit(files: readonly AddFile[], targetBytes: number): readonly AddFile[][] {
  const bins: AddFile[][] = [];
  let open: { readonly files: AddFile[]; sizeBytes: number }[] = [];
  for (const file of files) {
    let bin = open.find(({ sizeBytes }) => sizeBytes + file.size <= targetBytes);
    if (bin === undefined) {
      bin = { files: [], sizeBytes: 0 };
      open.push(bin);
      bins.push(bin.files);
    }
    bin.files.push(file);
    bin.sizeBytes += file.size;
    // What is no small file any more takes no further one, and the search stays short.
    if (bin.sizeBytes >= targetBytes * SMALL_SHARE) open = open.filter((it) => it !== bin);
  }
  return bins;
}

/** Without files that are larger than all others that are left. */
function withoutGiants(files: readonly AddFile[]): AddFile[] {
  const left = new Set(files);
  let sizeBytes = sizeOf(files);
  for (const file of files.toSorted((a, b) => b.size - a.size)) {
    if (file.size <= sizeBytes - file.size) break;
    left.delete(file);
    sizeBytes -= file.size;
  }
  return [...left];
}

function sizeOf(files: readonly AddFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
