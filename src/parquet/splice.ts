/**
 * Several Parquet files made one by copying their row groups byte for byte; only the footer is new. Absolute offsets
 * are moved; page indexes and Bloom filters, which hold such offsets inside, are left out (parquet.thrift,
 * `ColumnMetaData`, `OffsetIndex`).
 */

import { type FileHandle, open } from 'node:fs/promises';

import { assert, isDeltaError } from '../base/index.ts';
import { chunkRanges, fetchRanges } from './byte-range.ts';
import { unwritable } from './errors.ts';
import { encodeTrailer, MAGIC } from './footer-writer.ts';
import { writeAll } from './stage.ts';
import type { ByteSource, ColumnChunk, ParquetFooter, RowGroup } from './types.ts';
import { CREATED_BY } from './write.ts';

/** A file whose row groups are to be copied. */
export interface SpliceInput {
  readonly source: ByteSource;
  readonly footer: ParquetFooter;
}

/**
 * Whether the row groups of these files may stand in one file: equal schemas down to the repetition of each node, and
 * nothing that one footer could not say of all of them. Whether readers know their encodings is `judgeVerbatim`'s.
 */
export function canSplice(footers: readonly ParquetFooter[]): boolean {
  const [first, ...others] = footers;
  if (first === undefined) return false;
  const columns = JSON.stringify(first.columns);
  return (
    footers.every(({ typeDefinedOrder }) => typeDefinedOrder) &&
    others.every((footer) => JSON.stringify(footer.columns) === columns) &&
    (isOneWriter(footers) || footers.every(({ createdBy }) => needsNoCare(createdBy)))
  );
}

/**
 * Writes the row groups of files for which `canSplice` holds, in order, to the local file `file`, which is replaced.
 * When this fails, what was written stays: the caller removes it.
 *
 * Errors: those of the sources, `PARQUET_TRUNCATED` (data), `PARQUET_UNWRITABLE` (unavailable).
 */
export async function spliceFiles(inputs: readonly SpliceInput[], file: string): Promise<void> {
  const footers = inputs.map(({ footer }) => footer);
  const [first] = footers;
  assert(first !== undefined && canSplice(footers), 'files that cannot be one were to be spliced');
  const rowGroups: RowGroup[] = [];
  let end = MAGIC.length;
  const out = await writing(file, () => open(file, 'w'));
  try {
    await writing(file, () => writeAll(out, Buffer.from(MAGIC), 0));
    for (const { source, footer } of inputs) {
      for (const rowGroup of footer.rowGroups) {
        if (rowGroup.rowCount === 0) continue;
        const to = { out, end };
        rowGroups.push(await writing(file, () => copyRowGroup(source, rowGroup, to)));
        end += rowGroup.columns.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      }
    }
    const trailer = encodeTrailer({
      columns: first.columns,
      rowGroups,
      createdBy: isOneWriter(footers) ? first.createdBy : CREATED_BY,
      keyValues: sharedKeyValues(footers),
      typeDefinedOrder: true,
    });
    await writing(file, () => writeAll(out, trailer, end));
  } finally {
    await out.close();
  }
}

/** Readers work around the bugs of a writer by its name, which therefore must stay. */
function isOneWriter(footers: readonly ParquetFooter[]): boolean {
  const createdBy = footers[0]?.createdBy ?? null;
  return createdBy !== null && footers.every((footer) => footer.createdBy === createdBy);
}

/** Writers whose files no reader is known to mistrust; Java's of all years have one name (PARQUET-246, PARQUET-251). */
export function needsNoCare(createdBy: string | null): boolean {
  return (
    createdBy !== null && /^(?:deltawright|DuckDB|delta-rs|parquet-rs) version /.test(createdBy)
  );
}

/**
 * Copies a row group of `source` to the open file `out`, from byte `end` on; gives it as it stands there.
 * Errors: those of the source, `PARQUET_TRUNCATED`, those of writing as they come.
 */
export async function copyRowGroup(
  source: ByteSource,
  rowGroup: RowGroup,
  { out, end }: { readonly out: FileHandle; readonly end: number },
): Promise<RowGroup> {
  const moves = movesOf(rowGroup, end);
  await fetchRanges(source, chunkRanges(rowGroup, undefined), (start, bytes) =>
    writePieces(out, moves, { start, bytes }),
  );
  return { ...rowGroup, columns: moves.map(movedChunk) };
}

/** Runs `work`, whose errors that say nothing of themselves are those of writing `file`: `PARQUET_UNWRITABLE`. */
export async function writing<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isDeltaError(error) ? error : unwritable(file, error);
  }
}

/** What is said of one file's rows alone, or of Arrow's view of them, does not hold for all. */
const OWN_KEYS: ReadonlySet<string> = new Set(['ARROW:schema', 'pandas']);

function sharedKeyValues(footers: readonly ParquetFooter[]): ReadonlyMap<string, string> {
  const [first, ...others] = footers;
  return new Map(
    [...(first?.keyValues ?? [])].filter(
      ([key, value]) =>
        !OWN_KEYS.has(key) && others.every(({ keyValues }) => keyValues.get(key) === value),
    ),
  );
}

interface Move {
  readonly chunk: ColumnChunk;
  /** Where its pages start in the new file. */
  readonly to: number;
}

/** The chunks of a row group one after the other, from `start` on. */
function movesOf({ columns }: RowGroup, start: number): readonly Move[] {
  let to = start;
  return columns.map((chunk) => {
    const move = { chunk, to };
    to += chunk.sizeBytes;
    return move;
  });
}

function movedChunk({ chunk, to }: Move): ColumnChunk {
  const dataStart = to + chunk.dataStart - chunk.start;
  return { ...chunk, start: to, dataStart, bloomFilter: null };
}

async function writePieces(
  file: FileHandle,
  moves: readonly Move[],
  piece: { readonly start: number; readonly bytes: Uint8Array },
): Promise<void> {
  for (const { chunk, to } of moves) {
    const start = Math.max(piece.start, chunk.start);
    const end = Math.min(piece.start + piece.bytes.length, chunk.start + chunk.sizeBytes);
    if (start >= end) continue;
    const bytes = piece.bytes.subarray(start - piece.start, end - piece.start);
    await writeAll(file, bytes, to + start - chunk.start);
  }
}
