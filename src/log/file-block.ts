/**
 * Some files of a long log, in columns. What would be most of the memory, their statistics, is compressed as soon as the block is
 * full, with the escapes that it has in the log: most of it is never looked at.
 */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** Files of a block. */
export const BLOCK_FILES = 1_024;

/** What is said of a file by a bit. */
export const IS_LIVE = 1;
export const DATA_CHANGE = 2;
/** The rest is the text of its statistics, with escapes. */
export const HAS_STATS = 4;
/** The rest is its action as JSON: it has other members than most. */
export const IS_WHOLE = 8;
/** The path is its own key (`pathKey`). */
export const IS_KEY = 16;
/** The path is no Unicode text, and kept as UTF-16. */
export const IS_WIDE = 32;

/** Bytes of several texts, one after another. */
export class Arena {
  bytes = Buffer.allocUnsafe(ARENA_BYTES_MIN);
  length = 0;

  push(bytes: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) this.#grow(length);
    bytes.copy(this.bytes, this.length, start, end);
    this.length = length;
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

const ARENA_BYTES_MIN = 64 * 1024;

/** What is known of a row beside its texts. */
export interface RowNumbers {
  readonly size: number;
  readonly modificationTime: number;
  /** The number of a combination of partition values. */
  readonly partition: number;
}

/** Filled row by row: the path and the rest of a row are pushed to its arenas, and then the row is. */
export class FileBlock {
  readonly sizes = new Float64Array(BLOCK_FILES);
  readonly modificationTimes = new Float64Array(BLOCK_FILES);
  readonly partitions = new Int32Array(BLOCK_FILES);
  readonly #flags = new Uint8Array(BLOCK_FILES);
  readonly #pathEnds = new Int32Array(BLOCK_FILES);
  readonly #restEnds = new Int32Array(BLOCK_FILES);
  #paths: Arena | null;
  #rests: Arena | null;
  #sealedPaths = Buffer.alloc(0);
  #packedRests = Buffer.alloc(0);
  #rowCount = 0;
  #liveCount = 0;

  /** The arenas, which are empty, are its own until it is sealed. */
  constructor(paths: Arena, rests: Arena) {
    this.#paths = paths;
    this.#rests = rests;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get isFull(): boolean {
    return this.#rowCount === BLOCK_FILES;
  }

  push({ size, modificationTime, partition }: RowNumbers, flags: number): void {
    const row = this.#rowCount;
    this.#rowCount += 1;
    this.#liveCount += 1;
    this.sizes[row] = size;
    this.modificationTimes[row] = modificationTime;
    this.partitions[row] = partition;
    this.#flags[row] = flags | IS_LIVE;
    this.#pathEnds[row] = this.#paths?.length ?? 0;
    this.#restEnds[row] = this.#rests?.length ?? 0;
  }

  has(row: number, flag: number): boolean {
    return ((this.#flags[row] ?? 0) & flag) !== 0;
  }

  /** The file is not live any more. */
  bury(row: number): void {
    this.#flags[row] = (this.#flags[row] ?? 0) & ~IS_LIVE;
    this.#liveCount -= 1;
    if (this.#liveCount === 0 && this.#paths === null) this.#drop();
  }

  path(row: number): string {
    const encoding = this.has(row, IS_WIDE) ? 'utf16le' : 'utf8';
    return this.#pathBytes().toString(encoding, this.#pathStart(row), this.#pathEnds[row]);
  }

  /** Whether the path's bytes are those from `start` to `end`. */
  isPath(row: number, bytes: Buffer, start: number, end: number): boolean {
    const [from, to] = [this.#pathStart(row), this.#pathEnds[row] ?? 0];
    return (
      to - from === end - start && this.#pathBytes().compare(bytes, start, end, from, to) === 0
    );
  }

  /** The rests of all rows, for `rest`: decompressed, so that many rows are to be asked for with one. */
  rests(): Buffer {
    return this.#rests === null ? zstdDecompressSync(this.#packedRests) : this.#rests.bytes;
  }

  /** The rest of a row in `rests`. */
  rest(row: number, rests: Buffer): string {
    const start = row === 0 ? 0 : this.#restEnds[row - 1];
    return rests.toString('utf8', start, this.#restEnds[row]);
  }

  /** Compresses it, and empties its arenas for the next one. */
  seal(): void {
    const [paths, rests] = [this.#paths, this.#rests];
    if (paths === null || rests === null) return;
    this.#sealedPaths = Buffer.from(paths.bytes.subarray(0, paths.length));
    // A copy, since what the compressor gives holds the whole chunk that it stands in.
    this.#packedRests = Buffer.from(
      zstdCompressSync(rests.bytes.subarray(0, rests.length), COMPRESSION),
    );
    paths.length = 0;
    rests.length = 0;
    this.#paths = null;
    this.#rests = null;
    if (this.#liveCount === 0) this.#drop();
  }

  /** Nobody asks for what is not live. */
  #drop(): void {
    this.#sealedPaths = Buffer.alloc(0);
    this.#packedRests = Buffer.alloc(0);
  }

  #pathBytes(): Buffer {
    return this.#paths?.bytes ?? this.#sealedPaths;
  }

  #pathStart(row: number): number {
    return row === 0 ? 0 : (this.#pathEnds[row - 1] ?? 0);
  }
}

/** Statistics of one table are much alike: more effort saves little memory, and takes twice the time. */
const COMPRESSION = {
  params: { [constants.ZSTD_c_compressionLevel]: -3 },
  chunkSize: 256 * 1024,
};
