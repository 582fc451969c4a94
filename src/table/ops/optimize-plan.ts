/** Which small files are to become one: bin packing over what the log says, partition by partition. */

import type { AddFile, PartitionValues } from '../../log/index.ts';
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

/** Files of one partition that fit into one. */
export interface FileBin {
  /** By the schema's names. */
  readonly partitionValues: PartitionValues;
  /** At least two, in the order in which their rows are to stand. */
  readonly files: readonly AddFile[];
  readonly sizeBytes: number;
}

/** A file below this share of the target is small; a bin above it is full. */
const SMALL_SHARE = 3 / 4;

/**
 * The bins of a snapshot: small files (below three quarters of the target), first fit, in the order in which they were
 * made. Nothing is read but the snapshot, so that a job may ask after each commit; none where nothing is to be packed.
 * Errors: `OPTIMIZE_INVALID`, `EXPRESSION_…` (invalid).
 */
export function filesToPack(snapshot: Snapshot, options: PackOptions = {}): readonly FileBin[] {
  return packFiles(snapshot, snapshot.files(), options);
}

/** As `filesToPack`, for some of the snapshot's files. */
export function packFiles(
  snapshot: Snapshot,
  files: Iterable<AddFile>,
  options: PackOptions,
): readonly FileBin[] {
  const { minFileCount = 2, gradual = false } = options;
  const targetBytes = targetSizeOf(snapshot, options);
  const partitions = smallFiles(snapshot, files, {
    targetBytes,
    where: whereOf(snapshot, options),
  });
  return [...partitions.values()].flatMap(({ values, files: small }) => {
    if (small.length < minFileCount) return [];
    const bins = firstFit(small.toSorted(byAge), targetBytes)
      .map((bin) => (gradual ? withoutGiants(bin) : bin))
      .filter((bin) => bin.length > 1);
    if (bins.flat().length < minFileCount) return [];
    return bins.map((bin) => ({ partitionValues: values, files: bin, sizeBytes: sizeOf(bin) }));
  });
}

/** The condition as Spark writes it down, with the names of the schema; null for none. */
export function printedWhere(snapshot: Snapshot, options: PackOptions): string | null {
  const where = whereOf(snapshot, options);
  return where === null ? null : printExpression(where);
}

function targetSizeOf({ metadata }: Snapshot, options: PackOptions): number {
  const size = options.targetFileSizeBytes ?? targetFileSizeBytes(metadata);
  if (Number.isFinite(size) && size >= 1) return size;
  throw optimizeInvalid('the target size of a file must be a number of bytes above 0');
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

function smallFiles(
  snapshot: Snapshot,
  files: Iterable<AddFile>,
  { targetBytes, where }: { readonly targetBytes: number; readonly where: Expression | null },
): ReadonlyMap<string, Partition> {
  const { schema } = snapshot;
  const fields = partitionFields(snapshot);
  const partitions = new Map<string, Partition>();
  for (const add of files) {
    if (add.size >= targetBytes * SMALL_SHARE) continue;
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
