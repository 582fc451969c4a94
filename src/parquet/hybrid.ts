/**
 * The hybrid of run lengths and bit packing that levels and dictionary indices are written in.
 *
 * Layout: runs, each with a varint header. Lower bit 0: the value (as few whole bytes as hold it) stands `header >> 1` times.
 * Lower bit 1: `header >> 1` groups of eight values, packed from the lowest bit of each byte on.
 */

import type { Corrupt } from './errors.ts';

export interface HybridBytes {
  readonly bytes: Uint8Array;
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** 0 to 32. */
  readonly bitWidth: number;
}

/** Fills `values` from the beginning of the bytes; values of 32 bits come with a sign. What follows is not looked at. */
export function decodeHybrid(input: HybridBytes, values: Int32Array, corrupt: Corrupt): void {
  const { bytes, end, bitWidth } = input;
  const valueBytes = Math.ceil(bitWidth / 8);
  let place = input.start;
  let done = 0;
  while (done < values.length) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (place >= end || shift > 28) throw corrupt('the header of a run is cut off or too long');
      const byte = bytes[place] ?? 0;
      place += 1;
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const isPacked = header % 2 === 1;
    const count = Math.min(values.length - done, Math.floor(header / 2) * (isPacked ? 8 : 1));
    // Some writers leave out the padding of the last group.
    const byteCount = isPacked ? Math.ceil((count * bitWidth) / 8) : valueBytes;
    if (byteCount > end - place) throw corrupt('a run overruns its page');
    if (isPacked)
      unpack({ bytes, start: place, end, bitWidth }, values.subarray(done, done + count));
    else values.fill(repeated(bytes, place, valueBytes), done, done + count);
    place += isPacked ? Math.min(end - place, Math.floor(header / 2) * bitWidth) : byteCount;
    done += count;
  }
}

/** Whether the bytes are one run of `value` that is long enough for `count`: what a column without nulls has for levels. */
export function isOneRun(
  { bytes, start, end }: HybridBytes,
  value: number,
  count: number,
): boolean {
  let header = 0;
  for (let place = start, shift = 0; place < end && shift <= 28; place += 1, shift += 7) {
    const byte = bytes[place] ?? 0;
    header += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      const isRun = header % 2 === 0 && header / 2 >= count;
      return isRun && place + 1 < end && bytes[place + 1] === value;
    }
  }
  return false;
}

function repeated(bytes: Uint8Array, start: number, byteCount: number): number {
  let value = 0;
  for (let index = 0; index < byteCount; index += 1) {
    value |= (bytes[start + index] ?? 0) << (8 * index);
  }
  return value;
}

/** Widths whose values lie in four bytes, wherever they begin. */
const WORD_BITS_MAX = 25;

function unpack({ bytes, start, bitWidth }: HybridBytes, values: Int32Array): void {
  const count = values.length;
  const mask = bitWidth === 32 ? -1 : (1 << bitWidth) - 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bitWidth > WORD_BITS_MAX ? -1 : bytes.length - start - 4;
  let index = 0;
  let bit = 0;
  for (; index < count && bit >>> 3 <= whole; index += 1, bit += bitWidth) {
    values[index] = (view.getInt32(start + (bit >>> 3), true) >>> (bit & 7)) & mask;
  }
  for (; index < count; index += 1, bit += bitWidth) {
    const place = start + (bit >>> 3);
    const shift = bit & 7;
    const low =
      (bytes[place] ?? 0) |
      ((bytes[place + 1] ?? 0) << 8) |
      ((bytes[place + 2] ?? 0) << 16) |
      ((bytes[place + 3] ?? 0) << 24);
    const high = shift + bitWidth > 32 ? (bytes[place + 4] ?? 0) << (32 - shift) : 0;
    values[index] = ((low >>> shift) | high) & mask;
  }
}
