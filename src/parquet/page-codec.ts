/** Pages decompressed by the codec of their chunk. */

import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import { messageOf } from '../base/index.ts';
import type { Corrupt } from './errors.ts';
import { decodeSnappy, snappyMayExpand, snappyRoomBytes } from './snappy.ts';

/** The codecs that `PageCodec` decodes, as `ColumnChunk.codec` names them. */
export const PAGE_CODECS: ReadonlySet<string> = new Set(['uncompressed', 'snappy', 'gzip', 'zstd']);

export interface CompressedPage {
  /** One of `PAGE_CODECS`. */
  readonly codec: string;
  readonly bytes: Uint8Array;
  /** What the page's header says; anything else is corrupt. */
  readonly sizeBytes: number;
}

/** The platform's decoders make their output in pieces of this size, so that a damaged header claims no more. */
const PIECE_BYTES_MAX = 1024 * 1024;
const PIECE_BYTES_MIN = 64;

/** Decompresses the pages of one reader, most of them into the same memory. */
export class PageCodec {
  readonly #corrupt: Corrupt;
  #scratch: Uint8Array = new Uint8Array(0);

  constructor(corrupt: Corrupt) {
    this.#corrupt = corrupt;
  }

  /** The bytes of a page, valid until the next call; with `keep` for good. Views of the input where it is not compressed. */
  decompress(page: CompressedPage, keep = false): Uint8Array {
    const { codec, bytes, sizeBytes } = page;
    if (codec !== 'uncompressed' && sizeBytes === 0) return this.#scratch.subarray(0, 0);
    const output = codec === 'snappy' ? this.#snappy(page, keep) : this.#plainOrDeflated(page);
    if (output.length !== sizeBytes)
      throw this.#corrupt('a page has another length than its header');
    return keep && output.buffer === bytes.buffer ? output.slice() : output;
  }

  #snappy({ bytes, sizeBytes }: CompressedPage, keep: boolean): Uint8Array {
    if (!snappyMayExpand(bytes.length, sizeBytes)) {
      throw this.#corrupt('a page cannot be as long as its header says');
    }
    const roomBytes = snappyRoomBytes(sizeBytes);
    const room = keep ? new Uint8Array(roomBytes) : this.#scratchOf(roomBytes);
    decodeSnappy(bytes, { room, sizeBytes }, this.#corrupt);
    return room.subarray(0, sizeBytes);
  }

  #plainOrDeflated({ codec, bytes, sizeBytes }: CompressedPage): Uint8Array {
    if (codec === 'uncompressed') return bytes;
    const options = {
      maxOutputLength: sizeBytes,
      chunkSize: Math.max(PIECE_BYTES_MIN, Math.min(PIECE_BYTES_MAX, sizeBytes)),
    };
    try {
      return codec === 'gzip' ? gunzipSync(bytes, options) : zstdDecompressSync(bytes, options);
    } catch (error) {
      throw this.#corrupt(messageOf(error));
    }
  }

  #scratchOf(sizeBytes: number): Uint8Array {
    if (this.#scratch.length < sizeBytes) this.#scratch = new Uint8Array(sizeBytes);
    return this.#scratch;
  }
}
