/**
 * Local stand-ins for remote files: a sparse file of the same length has the footer and the pages that are needed at
 * their own offsets, so that an engine reads it as if it were whole, and nothing else travels.
 */

import { type FileHandle, open } from 'node:fs/promises';

import {
  chunkRanges,
  fetchRanges,
  type Projection,
  wantedChunks,
  wantedRowGroups,
} from './byte-range.ts';
import { unwritable } from './errors.ts';
import { MAGIC } from './footer-writer.ts';
import type { ByteSource, ParquetFooter } from './types.ts';

export interface StageOptions extends Projection {
  /** The local file to make; one that is there is replaced. */
  readonly file: string;
}

/**
 * Makes the stand-in of `source`. Only the columns and row groups asked for may be read from it: other pages are zeros,
 * which decoders take for corrupt. When this fails, what was written stays: the caller removes it.
 *
 * Errors: those of the source, `PARQUET_TRUNCATED`, `PARQUET_UNKNOWN_ROW_GROUP` (data), `PARQUET_UNWRITABLE`
 * (unavailable).
 */
export async function stageSparse(
  source: ByteSource,
  footer: ParquetFooter,
  options: StageOptions,
): Promise<void> {
  const rowGroups = wantedRowGroups(footer, options, source.name);
  const ranges = rowGroups.flatMap((rowGroup) => [
    ...chunkRanges(rowGroup, options.columns),
    // A reader asks a column's Bloom filter, where the footer says that there is one, before its pages.
    ...wantedChunks(rowGroup, options.columns).flatMap((chunk) => chunk.bloomFilter ?? []),
  ]);
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw unwritable(options.file, error);
    }
  };
  const file = await attempt(() => open(options.file, 'w'));
  try {
    await attempt(() => writeEnds(file, footer));
    await fetchRanges(source, ranges, (start, bytes) =>
      attempt(() => writeAll(file, bytes, start)),
    );
  } finally {
    await file.close();
  }
}

/** The first magic bytes, the hole between, and the footer with its length and magic. */
async function writeEnds(file: FileHandle, footer: ParquetFooter): Promise<void> {
  const { bytes, fileSizeBytes } = footer;
  const trailer = Buffer.alloc(bytes.length + 4 + MAGIC.length);
  trailer.set(bytes);
  trailer.writeUInt32LE(bytes.length, bytes.length);
  trailer.write(MAGIC, bytes.length + 4, 'latin1');
  await writeAll(file, Buffer.from(MAGIC), 0);
  await writeAll(file, trailer, fileSizeBytes - trailer.length);
}

/** Writes all of the bytes from `start` on, however many calls it takes. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, start + done);
    done += bytesWritten;
  }
}

/** As `writeAll`, of bytes that do not stand together. */
export async function writeParts(
  file: Pick<FileHandle, 'writev'>,
  parts: readonly Uint8Array[],
  start: number,
): Promise<void> {
  let place = start;
  for (let left = parts; left.length > 0;) {
    const { bytesWritten } = await file.writev(left, place);
    place += bytesWritten;
    left = behind(left, bytesWritten);
  }
}

function behind(parts: readonly Uint8Array[], byteCount: number): readonly Uint8Array[] {
  let skipped = 0;
  let rest = byteCount;
  for (; skipped < parts.length; skipped += 1) {
    const { length = 0 } = parts[skipped] ?? {};
    if (length > rest) break;
    rest -= length;
  }
  const [first, ...others] = parts.slice(skipped);
  return first === undefined ? [] : [first.subarray(rest), ...others];
}
