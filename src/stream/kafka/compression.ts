/** What is done to the bytes of a batch as a whole: unpacking, packing, the checksum. */

import zlib from 'node:zlib';

import type * as kafka from '@platformatic/kafka';

import type { Codec } from './connection-spec.ts';

/** Bound of one batch unpacked: brokers bound what is packed only. */
export const BATCH_BYTES_MAX = 512 * 1024 * 1024;

/** By the lowest three bits of a batch's attributes; index 0 is no compression. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const satisfies readonly Codec[];

/** Throws whatever the codec throws for bytes that are not its own. */
export function unpack(library: typeof kafka, codec: Codec, packed: Buffer): Buffer {
  const options = { maxOutputLength: BATCH_BYTES_MAX };
  if (codec === 'none') return packed;
  if (codec === 'gzip') return zlib.gunzipSync(packed, options);
  if (codec === 'zstd') return zlib.zstdDecompressSync(packed, options);
  return library.compressionsAlgorithms[codec].decompressSync(packed);
}

export function pack(library: typeof kafka, codec: Codec, plain: Buffer): Buffer {
  return codec === 'none' ? plain : library.compressionsAlgorithms[codec].compressSync(plain);
}

/** CRC-32C. */
export function checksum({ crc32c, Writer }: typeof kafka, bytes: Buffer): number {
  // The library copies a plain buffer first, and takes its own kind as it is.
  return crc32c(Writer.create().append(bytes).dynamicBuffer);
}
