/** What is done to the bytes of a batch as a whole: unpacking, packing, the checksum. */

import zlib from 'node:zlib';

import { present } from '../../base/index.ts';
import type { Codec } from './connection-spec.ts';
import { type KafkaLibrary, loadLibrary } from './library.ts';

/** Bound of one batch unpacked: brokers bound what is packed only. */
export const BATCH_BYTES_MAX = 512 * 1024 * 1024;

/** By the lowest three bits of a batch's attributes; index 0 is no compression. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const satisfies readonly Codec[];

/** A codec must be loaded before it is used. */
export class Packing {
  readonly #crc32c: (bytes: Uint8Array) => number;
  #library: KafkaLibrary | null = null;

  private constructor(crc32c: (bytes: Uint8Array) => number) {
    this.#crc32c = crc32c;
  }

  static async open(): Promise<Packing> {
    return new Packing((await import('@node-rs/crc32')).crc32c);
  }

  async load(codec: Codec): Promise<void> {
    if (codec !== 'none') this.#library ??= await loadLibrary();
  }

  /** Throws whatever the codec throws for bytes that are not its own. */
  unpack(codec: Codec, packed: Buffer): Buffer {
    const options = { maxOutputLength: BATCH_BYTES_MAX };
    if (codec === 'none') return packed;
    if (codec === 'gzip') return zlib.gunzipSync(packed, options);
    if (codec === 'zstd') return zlib.zstdDecompressSync(packed, options);
    return this.#codecs[codec].decompressSync(packed);
  }

  pack(codec: Codec, plain: Buffer): Buffer {
    return codec === 'none' ? plain : this.#codecs[codec].compressSync(plain);
  }

  /** CRC-32C. */
  checksum(bytes: Uint8Array): number {
    return this.#crc32c(bytes);
  }

  get #codecs(): KafkaLibrary['compressionsAlgorithms'] {
    return present(this.#library, 'a codec that was loaded').compressionsAlgorithms;
  }
}
