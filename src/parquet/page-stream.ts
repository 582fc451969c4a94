/** The pages of one column chunk as they stand in the file, read piece by piece. */

import { type Corrupt, truncated } from './errors.ts';
import { decodePageHeader, type PageHeader } from './page-header.ts';
import type { ByteSource, ColumnChunk } from './types.ts';

export interface Page {
  readonly header: PageHeader;
  /** What follows the header, as it is in the file; valid until the next page. */
  readonly body: Uint8Array;
}

/** Asked for at once, unless a page is longer. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Most headers are much shorter; bounds of long texts make some of them longer. */
const HEADER_BYTES = 64 * 1024;
const HEADER_BYTES_MAX = 16 * 1024 * 1024;

export class PageStream {
  readonly #source: ByteSource;
  readonly #corrupt: Corrupt;
  /** Where the chunk ends in the file, and up to where it has been fetched. */
  readonly #end: number;
  #fetched: number;
  /** What has been fetched and not been consumed is in here from `#place` on. */
  #bytes: Uint8Array = new Uint8Array(0);
  #place = 0;

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
    const body = this.#bytes.subarray(this.#place, this.#place + compressedBytes);
    this.#place += compressedBytes;
    return { header, body };
  }

  async #header(): Promise<PageHeader> {
    await this.#fill(Math.min(this.#left, HEADER_BYTES));
    try {
      return decodePageHeader(this.#bytes.subarray(this.#place), this.#corrupt);
    } catch (error) {
      // It may go on in what has not been fetched.
      const more = Math.min(this.#left, HEADER_BYTES_MAX);
      if (this.#bytes.length - this.#place >= more) throw error;
      await this.#fill(more);
      return decodePageHeader(this.#bytes.subarray(this.#place), this.#corrupt);
    }
  }

  /** Bytes of the chunk that have not been consumed. */
  get #left(): number {
    return this.#end - this.#fetched + this.#bytes.length - this.#place;
  }

  /** Sees to it that so many bytes, which the chunk must have left, are there. */
  async #fill(byteCount: number): Promise<void> {
    const rest = this.#bytes.subarray(this.#place);
    const missing = byteCount - rest.length;
    if (missing <= 0) return;
    const end = Math.min(this.#end, this.#fetched + Math.max(missing, PIECE_BYTES));
    const more = await this.#source.read(this.#fetched, end);
    if (more.length !== end - this.#fetched) {
      throw truncated(this.#source.name, 'a column chunk is missing');
    }
    this.#bytes = rest.length === 0 ? more : Buffer.concat([rest, more]);
    this.#place = 0;
    this.#fetched = end;
  }
}
