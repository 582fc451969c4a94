/**
 * Deletion vectors: which rows of a file are gone. PROTOCOL.md, "Deletion Vectors", "Deletion Vector Format", and
 * "Deletion Vector File Storage Format".
 *
 *     portable (magic 1681511377): u64 count, × (u32 high key, roaring bitmap)
 *     native   (magic 1681511376): u32 count, × (u32 size, roaring bitmap), the high key being the place
 *     in a file: u32 size, big endian | the vector | u32 CRC-32 of it, big endian
 */

import { crc32 } from 'node:zlib';

import { assert, type DeltaError, messageOf } from '../base/index.ts';
import type { DeletionVectorDescriptor } from './actions.ts';
import { deletionVectorCorrupt } from './errors.ts';
import { vectorId } from './file-key.ts';
import { BitmapReader, encodeRoaring, readRoaring } from './roaring-bitmap.ts';
import { decodeZ85, encodeZ85 } from './z85.ts';

/** Rows of one file, a bit each: row r is the bit of value 2^(7 − r mod 8) in byte ⌊r ÷ 8⌋. */
export type RowBits = Uint8Array;

/** Where the bytes of a vector are. */
export type VectorPlace =
  | { readonly kind: 'inline'; readonly blob: Uint8Array }
  /** Bytes `start` (inclusive) to `end` (exclusive) of a file hold the vector with its size and checksum. */
  | {
      readonly kind: 'file';
      readonly path: VectorPath;
      readonly start: number;
      readonly end: number;
    };

export type VectorPath =
  /** A key below the table's root. */
  | { readonly kind: 'key'; readonly key: string }
  /** A path as `add` actions spell it. */
  | { readonly kind: 'path'; readonly path: string };

/** Bytes around a vector in a file: its size before, its checksum behind. */
const FRAME_BYTES = 8;
const UUID_CHARACTERS = 20;
/** The first byte of a file of vectors; the first of them is behind it. */
const FILE_VERSION = 1;
const FIRST_OFFSET = 1;
const MAGIC_PORTABLE = 1_681_511_377;
const MAGIC_NATIVE = 1_681_511_376;

/** Errors: `DELETION_VECTOR_CORRUPT` where the descriptor names no place. */
export function vectorPlace(descriptor: DeletionVectorDescriptor): VectorPlace {
  const {
    storageType,
    pathOrInlineDv: text,
    sizeInBytes,
    offset: start = FIRST_OFFSET,
  } = descriptor;
  const end = start + sizeInBytes + FRAME_BYTES;
  switch (storageType) {
    case 'i': {
      const blob = decodeZ85(text);
      if (blob === null || blob.length < sizeInBytes || blob.length >= sizeInBytes + 4) {
        throw corrupt(descriptor, 'its text is not the Z85 of as many bytes as it says');
      }
      return { kind: 'inline', blob: blob.subarray(0, sizeInBytes) };
    }
    case 'u': {
      const key = relativeKey(text);
      if (key === null) throw corrupt(descriptor, 'its text does not end in the Z85 of a UUID');
      return { kind: 'file', path: { kind: 'key', key }, start, end };
    }
    case 'p':
      return { kind: 'file', path: { kind: 'path', path: text }, start, end };
    default:
      throw corrupt(descriptor, `the protocol knows no storage type ${storageType}`);
  }
}

/** The vector within what `vectorPlace` told to read of its file. Errors: `DELETION_VECTOR_CORRUPT`. */
export function unframeVector(bytes: Uint8Array, descriptor: DeletionVectorDescriptor): Uint8Array {
  const { sizeInBytes } = descriptor;
  if (bytes.length < sizeInBytes + FRAME_BYTES) throw corrupt(descriptor, 'its file ends early');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== sizeInBytes) throw corrupt(descriptor, 'its file tells another size');
  const blob = bytes.subarray(4, 4 + sizeInBytes);
  if (view.getUint32(4 + sizeInBytes) !== crc32(blob)) {
    throw corrupt(descriptor, 'its checksum is another');
  }
  return blob;
}

/**
 * The rows that a vector deletes of a file with `rowCount` rows. Memory and time are bounded by `rowCount`, whatever the
 * bytes say. Errors: `DELETION_VECTOR_CORRUPT`, also where the vector has other than `cardinality` rows, or one that the
 * file has not.
 */
export function decodeVector(
  blob: Uint8Array,
  descriptor: DeletionVectorDescriptor,
  rowCount: number,
): RowBits {
  const { cardinality } = descriptor;
  if (cardinality > rowCount) throw corrupt(descriptor, 'it has more rows than the data file');
  const bits = new Uint8Array(Math.ceil(rowCount / 8));
  let count = 0;
  try {
    readVector(new BitmapReader(blob), (row) => {
      if (row >= rowCount) throw new RangeError('it has a row that the data file has not');
      const mask = 128 >> (row % 8);
      const place = Math.floor(row / 8);
      const byte = bits[place] ?? 0;
      count += 1;
      if ((byte & mask) !== 0) throw new RangeError('it has a row twice');
      bits[place] = byte | mask;
    });
  } catch (error) {
    throw corrupt(descriptor, messageOf(error), error);
  }
  if (count !== cardinality) throw corrupt(descriptor, `it has ${String(count)} rows`);
  return bits;
}

/** How many rows are in a set. */
export function countRows(rows: RowBits): number {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
  const wordBytes = rows.length - (rows.length % 4);
  let count = 0;
  for (let place = 0; place < wordBytes; place += 4) count += countBits(view.getUint32(place));
  for (let place = wordBytes; place < rows.length; place += 1) {
    count += countBits(view.getUint8(place));
  }
  return count;
}

/** Of 32 bits, counted side by side in ever larger parts. */
function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55_55_55_55);
  const fours = (pairs & 0x33_33_33_33) + ((pairs >>> 2) & 0x33_33_33_33);
  const bytes = (fours + (fours >>> 4)) & 0x0f_0f_0f_0f;
  return Math.imul(bytes, 0x01_01_01_01) >>> 24;
}

/** The vector that deletes these rows, in the portable format; those of `decodeVector`, given back. */
export function encodeVector(rows: RowBits): Uint8Array {
  assert(rows.length <= 2 ** 29, 'a file has no more rows than one bitmap holds');
  const bitmap = encodeRoaring(rows);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(MAGIC_PORTABLE);
  head.writeBigUInt64LE(1n, 4);
  return Buffer.concat([head, bitmap]);
}

/** The descriptor of a vector that stands in the log itself. */
export function inlineVector(blob: Uint8Array, cardinality: number): DeletionVectorDescriptor {
  return {
    storageType: 'i',
    pathOrInlineDv: encodeZ85(blob),
    sizeInBytes: blob.length,
    cardinality,
  };
}

/** A file of vectors: its key below the table's root, its bytes, and the descriptors of the vectors in it. */
export interface VectorFile {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly descriptors: readonly DeletionVectorDescriptor[];
}

/** Puts vectors into one file, named by a UUID; `prefix` is a folder for it, or `''` for the table's own. */
export function vectorFile(
  vectors: readonly { readonly blob: Uint8Array; readonly cardinality: number }[],
  { uuid, prefix }: { readonly uuid: string; readonly prefix: string },
): VectorFile {
  const name = `${prefix}${encodeZ85(Buffer.from(uuid.replaceAll('-', ''), 'hex'))}`;
  const parts: Uint8Array[] = [Uint8Array.of(FILE_VERSION)];
  const descriptors: DeletionVectorDescriptor[] = [];
  let offset = FIRST_OFFSET;
  for (const { blob, cardinality } of vectors) {
    const frame = Buffer.alloc(blob.length + FRAME_BYTES);
    frame.writeUInt32BE(blob.length);
    frame.set(blob, 4);
    frame.writeUInt32BE(crc32(blob), 4 + blob.length);
    parts.push(frame);
    const sizeInBytes = blob.length;
    descriptors.push({ storageType: 'u', pathOrInlineDv: name, offset, sizeInBytes, cardinality });
    offset += frame.length;
  }
  const key = `${prefix === '' ? '' : `${prefix}/`}deletion_vector_${uuid}.bin`;
  return { key, bytes: Buffer.concat(parts), descriptors };
}

function readVector(reader: BitmapReader, add: (row: number) => void): void {
  const magic = reader.uint32();
  if (magic === MAGIC_PORTABLE) {
    for (let left = reader.uint64(); left > 0n; left -= 1n) {
      const base = reader.uint32() * 2 ** 32;
      readRoaring(reader, (value) => {
        add(base + value);
      });
    }
  } else if (magic === MAGIC_NATIVE) {
    const count = reader.uint32();
    for (let key = 0; key < count; key += 1) {
      const leftAfter = reader.uint32();
      const left = reader.left - leftAfter;
      const base = key * 2 ** 32;
      readRoaring(reader, (value) => {
        add(base + value);
      });
      if (reader.left !== left) throw new RangeError('a bitmap has another size than it says');
    }
  } else throw new RangeError('it starts with an unknown magic number');
  if (reader.left > 0) throw new RangeError('bytes follow the last bitmap');
}

/** `<prefix><Z85 of a UUID>` → `<prefix>/deletion_vector_<uuid>.bin`. */
function relativeKey(text: string): string | null {
  const cut = text.length - UUID_CHARACTERS;
  const bytes = cut < 0 ? null : decodeZ85(text.slice(cut));
  if (bytes?.length !== 16) return null;
  const hex = Buffer.from(bytes).toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const prefix = cut === 0 ? '' : `${text.slice(0, cut)}/`;
  return `${prefix}deletion_vector_${uuid}.bin`;
}

function corrupt(descriptor: DeletionVectorDescriptor, why: string, cause?: unknown): DeltaError {
  return deletionVectorCorrupt(vectorId(descriptor), why, cause);
}
