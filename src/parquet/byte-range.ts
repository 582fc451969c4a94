/** Which bytes of a file are needed, and how they are fetched with few requests. */

import pLimit from 'p-limit';

import { truncated, unknownRowGroup } from './errors.ts';
import type { ByteSource, ColumnChunk, ParquetFooter, RowGroup } from './types.ts';

/** Bytes `start` (inclusive) to `end` (exclusive). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A top-level column by its name, or any by its path: `['add', 'path']`. A group stands for all below it. */
export type ColumnPath = string | readonly string[];

/** What of a file is wanted. */
export interface Projection {
  /** Columns; one that the file lacks is left out of the result. Default: all. */
  readonly columns?: readonly ColumnPath[];
  /** Row groups by number, from 0, in the order given. Default: all, in the order of the file. */
  readonly rowGroups?: readonly number[];
}

/** Bytes between two ranges that are rather read than asked for apart. */
const GAP_BYTES_MAX = 128 * 1024;
/** Longer ranges are fetched in pieces, side by side. */
const REQUEST_BYTES_MAX = 8 * 1024 * 1024;
const REQUESTS_MAX = 8;

/** The row groups that `projection` wants. Errors: `PARQUET_UNKNOWN_ROW_GROUP`. */
export function wantedRowGroups(
  footer: ParquetFooter,
  projection: Projection,
  file: string,
): readonly RowGroup[] {
  if (projection.rowGroups === undefined) return footer.rowGroups;
  return projection.rowGroups.map((number) => {
    const rowGroup = footer.rowGroups[number];
    if (rowGroup === undefined) throw unknownRowGroup(file, number);
    return rowGroup;
  });
}

/** A row group's chunks of the columns wanted, in the order of the file. */
export function wantedChunks(
  rowGroup: RowGroup,
  columns: Projection['columns'],
): readonly ColumnChunk[] {
  if (columns === undefined) return rowGroup.columns;
  return rowGroup.columns.filter((chunk) => columns.some((it) => isWithin(chunk.path, it)));
}

/** The bytes of a row group's chunks of the columns wanted. */
export function chunkRanges(
  rowGroup: RowGroup,
  columns: Projection['columns'],
): readonly ByteRange[] {
  return wantedChunks(rowGroup, columns)
    .filter((chunk) => chunk.sizeBytes > 0)
    .map((chunk) => ({ start: chunk.start, end: chunk.start + chunk.sizeBytes }));
}

/**
 * Fetches ranges: neighbours in one request, long ones in pieces, several requests at a time; `consume` gets the
 * pieces in no promised order, and is awaited. What it gets may hold bytes between the ranges too.
 *
 * Errors: those of the source, and `PARQUET_TRUNCATED`.
 */
export async function fetchRanges(
  source: ByteSource,
  ranges: readonly ByteRange[],
  consume: (start: number, bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const limit = pLimit(REQUESTS_MAX);
  const fetchOne = async ({ start, end }: ByteRange): Promise<void> => {
    const bytes = await source.read(start, end);
    if (bytes.length !== end - start) throw truncated(source.name, 'a column chunk is missing');
    await consume(start, bytes);
  };
  const requests = coalesce(ranges).flatMap(split);
  await Promise.all(requests.map((request) => limit(() => fetchOne(request))));
}

/** Ranges in order, those that touch, overlap or lie close together made one. */
export function coalesce(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const merged: ByteRange[] = [];
  for (const range of ranges.toSorted((left, right) => left.start - right.start)) {
    const last = merged.at(-1);
    if (last !== undefined && range.start - last.end <= GAP_BYTES_MAX) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    } else merged.push(range);
  }
  return merged;
}

function split(range: ByteRange): readonly ByteRange[] {
  const pieces: ByteRange[] = [];
  for (let start = range.start; start < range.end; start += REQUEST_BYTES_MAX) {
    pieces.push({ start, end: Math.min(range.end, start + REQUEST_BYTES_MAX) });
  }
  return pieces;
}

function isWithin(path: readonly string[], column: ColumnPath): boolean {
  if (typeof column === 'string') return path[0] === column;
  return column.length <= path.length && column.every((part, index) => part === path[index]);
}
