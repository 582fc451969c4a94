/** The pages of one column chunk as they stand in the file, read piece by piece. */

import { type Corrupt, truncated } from './errors.ts';
import { checkPage, decodePageHeader, type PageHeader } from './page-header.ts';
import type { ByteSource, ColumnChunk } from './types.ts';

export interface Page {
  readonly header: PageHeader;
  /** What follows the header, as it is in the file; valid until the next page. */
  readonly body: Uint8Array;
}

/** Held in memory at once, unless a page is longer: of what each request takes its time for, and of a local file. */
const PIECE_BYTES = 4 * 1024 * 1024;
const LOCAL_PIECE_BYTES = 1024 * 1024;
/** Most headers are much shorter; bounds of long texts make some of them longer. */
const HEADER_BYTES = 64 * 1024;
const HEADER_BYTES_MAX = 16 * 1024 * 1024;

export class PageStream {
  readonly #source: ByteSource;
  readonly #corrupt: Corrupt;
  /** Where the chunk ends in the file, and up to where it has been fetched. */
  readonly #end: number;
  #fetched: number;
  /** Memory for one piece after another. What has been fetched and not been consumed lies from `#place` to `#filled`. */
  #memory: Uint8Array = new Uint8Array(0);
  #place = 0;
  #filled = 0;

  constructor(source: ByteSource, chunk: ColumnChunk, corrupt: Corrupt) {
    this.#source = source;
    this.#corrupt = corrupt;
    this.#fetched = chunk.start;
    this.#end = chunk.start + chunk.sizeBytes;
  }

  /** The next page; null at the end of the chunk. Errors: those of the source, `PARQUET_TRUNCATED`, `corrupt`. */
  async next(): Promise<Page | null> {
    if (this.#left === 0) return null;
    const header = await this.#header();
    this.#place += header.headerBytes;
    const { compressedBytes } = header;
    if (compressedBytes > this.#left) throw this.#corrupt('a page overruns its column chunk');
    await this.#fill(compressedBytes);
    const body = this.#memory.subarray(this.#place, this.#place + compressedBytes);
    this.#place += compressedBytes;
    checkPage(header, body, this.#corrupt);
    return { header, body };
  }

  async #header(): Promise<PageHeader> {
    await this.#fill(Math.min(this.#left, HEADER_BYTES));
    try {
      return decodePageHeader(this.#fetchedBytes, this.#corrupt);
    } catch (error) {
      // It may go on in what has not been fetched.
      const more = Math.min(this.#left, HEADER_BYTES_MAX);
      if (this.#filled - this.#place >= more) throw error;
      await this.#fill(more);
      return decodePageHeader(this.#fetchedBytes, this.#corrupt);
    }
  }

  /** Bytes of the chunk that have not been consumed. */
  get #left(): number {
    return this.#end - this.#fetched + this.#filled - this.#place;
  }

  get #fetchedBytes(): Uint8Array {
    return this.#memory.subarray(this.#place, this.#filled);
  }

  /** Sees to it that so many bytes, which the chunk must have left, are there. */
  async #fill(byteCount: number): Promise<void> {
    const rest = this.#filled - this.#place;
    const missing = byteCount - rest;
    if (missing <= 0) return;
    const pieceBytes = this.#source.readInto === undefined ? PIECE_BYTES : LOCAL_PIECE_BYTES;
    const ahead = Math.max(missing, pieceBytes - rest);
    const more = Math.min(this.#end - this.#fetched, ahead);
    this.#makeRoom(rest + more);
    await this.#read(this.#memory.subarray(rest, rest + more));
    this.#filled = rest + more;
  }

  /** Fetches what comes next, as much as `target` holds. */
  async #read(target: Uint8Array): Promise<void> {
    const source = this.#source;
    const end = this.#fetched + target.length;
    let count: number;
    if (source.readInto !== undefined) count = await source.readInto(this.#fetched, target);
    else {
      const bytes = await source.read(this.#fetched, end);
      count = bytes.length;
      if (count === target.length) target.set(bytes);
    }
    if (count !== target.length) throw truncated(source.name, 'a column chunk is missing');
    this.#fetched = end;
  }

  /** Moves what has not been consumed to the beginning of memory for so many bytes. */
  #makeRoom(byteCount: number): void {
    const rest = this.#fetchedBytes;
    if (byteCount > this.#memory.length) this.#memory = new Uint8Array(byteCount);
    this.#memory.set(rest);
    this.#place = 0;
    this.#filled = rest.length;
  }
}
