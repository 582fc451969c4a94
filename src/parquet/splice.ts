/**
 * Several Parquet files made one by copying their row groups byte for byte; only the footer is new. Absolute offsets
 * are moved; page indexes and Bloom filters, which hold such offsets inside, are left out (parquet.thrift,
 * `ColumnMetaData`, `OffsetIndex`).
 */

import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

import { assert, isDeltaError } from '../base/index.ts';
import { type ByteRange, fetchRanges } from './byte-range.ts';
import { unwritable } from './errors.ts';
import { encodeTrailer, type FooterContent, MAGIC } from './footer-writer.ts';
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
  const rowGroups = inputs.flatMap(({ source, footer }) =>
    footer.rowGroups.map((rowGroup) => sourceRowGroup(source, rowGroup)),
  );
  await assembleFile(file, rowGroups, {
    columns: first.columns,
    createdBy: sharedWriter(footers),
    keyValues: sharedKeyValues(footers),
  });
}

/** A chunk to be copied. */
export interface SourceChunk {
  readonly source: ByteSource;
  readonly chunk: ColumnChunk;
}

/** A row group of chunks that lie in one file or several. */
export interface SourceRowGroup {
  readonly rowCount: number;
  readonly chunks: readonly SourceChunk[];
}

export function sourceRowGroup(
  source: ByteSource,
  { rowCount, columns }: RowGroup,
): SourceRowGroup {
  return { rowCount, chunks: columns.map((chunk) => ({ source, chunk })) };
}

/** Writes a file of copied chunks; row groups without rows are left out. Errors: as for `spliceFiles`. */
export async function assembleFile(
  file: string,
  stored: readonly SourceRowGroup[],
  about: Pick<FooterContent, 'columns' | 'createdBy' | 'keyValues'>,
): Promise<void> {
  const rowGroups: RowGroup[] = [];
  let end = MAGIC.length;
  const out = await writing(file, () => open(file, 'w'));
  try {
    await writing(file, () => writeAll(out, Buffer.from(MAGIC), 0));
    for (const { rowCount, chunks } of stored) {
      if (rowCount === 0) continue;
      const to = { out, end };
      const columns = await writing(file, () => copyChunks(chunks, to));
      rowGroups.push({ rowCount, columns });
      end += columns.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    }
    const trailer = encodeTrailer({ ...about, rowGroups, typeDefinedOrder: true });
    await writing(file, () => writeAll(out, trailer, end));
  } finally {
    await out.close();
  }
}

/** Who is to be named as the writer of a file that has chunks of all of these. */
export function sharedWriter(footers: readonly ParquetFooter[]): string | null {
  return isOneWriter(footers) ? (footers[0]?.createdBy ?? null) : CREATED_BY;
}

/** Readers work around the bugs of a writer by its name, which therefore must stay. */
function isOneWriter(footers: readonly ParquetFooter[]): boolean {
  const createdBy = footers[0]?.createdBy ?? null;
  return createdBy !== null && footers.every((footer) => footer.createdBy === createdBy);
}

/**
 * Writers whose files no reader is known to mistrust: of Java's and Arrow's those from the version on after which none looks
 * for their bugs (PARQUET-246, PARQUET-251, PARQUET-1655, ARROW-10353).
 */
export function needsNoCare(createdBy: string | null): boolean {
  const [, writer, major = '', minor = ''] =
    /^(deltawright|DuckDB|delta-rs|parquet-rs|parquet-mr|parquet-cpp-arrow) version (?:v?(\d+)\.(\d+))?/.exec(
      createdBy ?? '',
    ) ?? [];
  if (writer === 'parquet-mr') return Number(major) > 1 || Number(minor) >= 10;
  return writer === 'parquet-cpp-arrow' ? Number(major) >= 3 : writer !== undefined;
}

/**
 * Copies a row group of `source` to the open file `out`, from byte `end` on; gives it as it stands there.
 * Errors: those of the source, `PARQUET_TRUNCATED`, those of writing as they come.
 */
export async function copyRowGroup(
  source: ByteSource,
  rowGroup: RowGroup,
  to: WritePlace,
): Promise<RowGroup> {
  const { rowCount, chunks } = sourceRowGroup(source, rowGroup);
  return { rowCount, columns: await copyChunks(chunks, to) };
}

interface WritePlace {
  readonly out: FileHandle;
  readonly end: number;
}

/** Copies chunks one after the other to an open file; gives them as they stand there. Errors: as for `copyRowGroup`. */
async function copyChunks(
  stored: readonly SourceChunk[],
  { out, end }: WritePlace,
): Promise<readonly ColumnChunk[]> {
  const moves = movesOf(stored, end);
  for (const source of new Set(stored.map((it) => it.source))) {
    const own = moves.filter((move) => move.source === source);
    if (source.readSync !== undefined) await copyThrough(own, out);
    else {
      await fetchRanges(source, own.flatMap(rangeOf), (start, bytes) =>
        writePieces(out, own, { start, bytes }),
      );
    }
  }
  return moves.map(movedChunk);
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

/** The metadata of a file that holds for its chunks wherever they are. */
export function lastingKeys({ keyValues }: ParquetFooter): ReadonlyMap<string, string> {
  return new Map([...keyValues].filter(([key]) => !OWN_KEYS.has(key)));
}

function sharedKeyValues([first, ...others]: readonly ParquetFooter[]): ReadonlyMap<
  string,
  string
> {
  const keyValues = first === undefined ? [] : [...lastingKeys(first)];
  return new Map(
    keyValues.filter(([key, value]) =>
      others.every((footer) => footer.keyValues.get(key) === value),
    ),
  );
}

interface Move extends SourceChunk {
  /** Where its pages start in the new file. */
  readonly to: number;
}

/** Chunks one after the other, from `start` on. */
function movesOf(stored: readonly SourceChunk[], start: number): readonly Move[] {
  let to = start;
  return stored.map(({ source, chunk }) => {
    const move = { source, chunk, to };
    to += chunk.sizeBytes;
    return move;
  });
}

/** Bytes that are copied at a time, and those after which the rest of the process has its turn. */
const PIECE_BYTES = 256 * 1024;
const TURN_BYTES = 4 * 1024 * 1024;

/** Copies chunks between local files: a promise for each piece would cost more than the copying. */
async function copyThrough(moves: readonly Move[], out: FileHandle): Promise<void> {
  const room = Buffer.allocUnsafe(PIECE_BYTES);
  let sinceTurn = 0;
  for (const { source, chunk, to } of moves) {
    for (let done = 0; done < chunk.sizeBytes; done += room.length) {
      const piece = room.subarray(0, Math.min(room.length, chunk.sizeBytes - done));
      source.readSync?.(chunk.start + done, piece);
      for (let written = 0; written < piece.length;) {
        written += writeSync(out.fd, piece, written, piece.length - written, to + done + written);
      }
      sinceTurn += piece.length;
      if (sinceTurn < TURN_BYTES) continue;
      await setImmediate();
      sinceTurn = 0;
    }
  }
}

function rangeOf({ chunk: { start, sizeBytes } }: Move): readonly ByteRange[] {
  return sizeBytes === 0 ? [] : [{ start, end: start + sizeBytes }];
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
