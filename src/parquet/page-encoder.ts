/** Pages as they stand in a file (parquet.thrift, `PageHeader`): a header with the checksum of what follows it, compressed. */

import { constants, crc32, gzipSync, zstdCompressSync } from 'node:zlib';

import { unreachable } from '../base/index.ts';
import { PageBuffer } from './page-buffer.ts';
import { ENCODINGS } from './row-group.ts';
import { SnappyEncoder, snappyOutputBytesMax } from './snappy-encoder.ts';
import { ThriftWriter } from './thrift-writer.ts';
import type { Codec } from './types.ts';

/** A page without its body. */
export interface PageOutline {
  readonly kind: 'dictionary' | 'data';
  readonly encoding: string;
  /** Nulls count. */
  readonly valueCount: number;
  readonly uncompressedBytes: number;
}

const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export class PageEncoder {
  /** The page under way. */
  readonly page = new PageBuffer();
  readonly #snappy = new SnappyEncoder();
  #room = new Uint8Array(0);

  /** A copy of the page under way, compressed. */
  packed(codec: Codec): Uint8Array {
    const { bytes, end } = this.page;
    const plain = bytes.subarray(0, end);
    switch (codec) {
      case 'uncompressed':
        return plain.slice();
      case 'gzip':
        return gzipSync(plain);
      case 'zstd':
        return zstdCompressSync(plain, ZSTD);
      case 'snappy': {
        const most = snappyOutputBytesMax(end);
        if (this.#room.length < most) this.#room = new Uint8Array(most);
        return this.#room.slice(0, this.#snappy.encode(bytes, end, this.#room));
      }
      default:
        return unreachable(codec);
    }
  }
}

/** The pages of a chunk, were they the first bytes of the file. */
export class ChunkPages {
  readonly #parts: Uint8Array[] = [];
  #sizeBytes = 0;
  #uncompressedBytes = 0;

  get parts(): readonly Uint8Array[] {
    return this.#parts;
  }

  /** With headers, as they are written. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** With headers. */
  get uncompressedBytes(): number {
    return this.#uncompressedBytes;
  }

  add(outline: PageOutline, body: Uint8Array): void {
    const header = encodePageHeader(outline, body);
    this.#parts.push(header, body);
    this.#sizeBytes += header.length + body.length;
    this.#uncompressedBytes += header.length + outline.uncompressedBytes;
  }
}

/** The header of a page of version 1 with this body, as it is written. */
export function encodePageHeader(outline: PageOutline, body: Uint8Array): Uint8Array {
  const { kind, encoding, valueCount, uncompressedBytes } = outline;
  const isDictionary = kind === 'dictionary';
  const code = (name: string): number => ENCODINGS.indexOf(name);
  const header = new ThriftWriter();
  header.struct(() => {
    header.integer(1, 'i32', isDictionary ? 2 : 0);
    header.integer(2, 'i32', uncompressedBytes);
    header.integer(3, 'i32', body.length);
    header.integer(4, 'i32', crc32(body) | 0);
    header.nested(isDictionary ? 7 : 5, () => {
      header.integer(1, 'i32', valueCount);
      header.integer(2, 'i32', code(encoding));
      if (isDictionary) return;
      header.integer(3, 'i32', code('RLE'));
      header.integer(4, 'i32', code('RLE'));
    });
  });
  return header.bytes.slice();
}
