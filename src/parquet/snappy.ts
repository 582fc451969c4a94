/**
 * Decodes Snappy's raw format (google/snappy, format_description.txt).
 *
 * Layout: the length of the output (varint), then elements. The lower two bits of a tag say what it is: 00 a literal (upper
 * six bits: its length less one; from 60 on that follows in one to four bytes), 01, 10 and 11 a copy of output written
 * before (its length in the tag, the distance in 11 bits, or in the two or four bytes that follow).
 */

import type { Corrupt } from './errors.ts';

/** No element gives more output than a copy: 64 bytes for three. */
const EXPANSION_MAX = 64 / 3;
/** Pieces are moved in words, and may write beyond their end by less than one. */
const WORD_BYTES = 8;
/** Longer pieces are moved by the platform; calling it costs as much as so many words. */
const WORDS_BYTES_MAX = 256;

/** Whether so much output can come from so much input: nobody should allocate what a damaged length claims. */
export function snappyMayExpand(inputBytes: number, outputBytes: number): boolean {
  return outputBytes <= inputBytes * EXPANSION_MAX;
}

/** Bytes that the memory for an output must have, so that the decoder has room to overshoot. */
export function snappyRoomBytes(outputBytes: number): number {
  return outputBytes + WORD_BYTES;
}

/** Decodes `input` into the beginning of `room`: exactly `sizeBytes`, of `snappyRoomBytes`. */
export function decodeSnappy(
  input: Uint8Array,
  { room, sizeBytes }: { readonly room: Uint8Array; readonly sizeBytes: number },
  corrupt: Corrupt,
): void {
  const from = viewOf(input);
  const to = viewOf(room);
  let place = skipLength(input, sizeBytes, corrupt);
  let written = 0;
  while (place < input.length) {
    const tag = input[place] ?? 0;
    const follows = FOLLOWING_BYTES[tag] ?? 0;
    place += 1;
    const following = follows === 0 ? 0 : littleEndian(input, place, follows);
    place += follows;
    if ((tag & 3) === 0) {
      const length = 1 + (follows === 0 ? tag >> 2 : following);
      if (length > input.length - place) throw corrupt('a literal of Snappy overruns its input');
      if (length > sizeBytes - written) throw corrupt('Snappy gives too much output');
      if (length > WORDS_BYTES_MAX || length + WORD_BYTES > input.length - place) {
        room.set(input.subarray(place, place + length), written);
      } else moveWords(from, place, to, written, length);
      place += length;
      written += length;
    } else {
      const isShort = (tag & 3) === 1;
      const length = isShort ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      const distance = isShort ? (tag >> 5) * 256 + following : following;
      if (place > input.length || distance === 0 || distance > written) {
        throw corrupt('a copy of Snappy lies outside the output');
      }
      if (length > sizeBytes - written) throw corrupt('Snappy gives too much output');
      if (distance >= WORD_BYTES) moveWords(to, written - distance, to, written, length);
      else repeat(room, written, distance, length);
      written += length;
    }
  }
  if (written !== sizeBytes) throw corrupt('Snappy gives too little output');
}

/** How many bytes of a length or distance follow each tag. */
const FOLLOWING_BYTES = Uint8Array.from({ length: 256 }, (_, tag) => {
  if ((tag & 3) === 0) return Math.max(0, (tag >> 2) - 59);
  return [0, 1, 2, 4][tag & 3] ?? 0;
});

/** Where the elements begin. */
function skipLength(input: Uint8Array, expected: number, corrupt: Corrupt): number {
  let length = 0;
  for (let place = 0; place < 5; place += 1) {
    const byte = input[place] ?? 0x80;
    length += (byte & 0x7f) * 2 ** (7 * place);
    if (byte >= 0x80) continue;
    if (length !== expected) break;
    return place + 1;
  }
  throw corrupt('Snappy has another length than its page');
}

/** Bytes past the end count as 0: what comes next looks at the bounds. */
function littleEndian(bytes: Uint8Array, start: number, byteCount: number): number {
  let value = bytes[start] ?? 0;
  if (byteCount > 1) value += (bytes[start + 1] ?? 0) * 0x100;
  if (byteCount > 2) value += (bytes[start + 2] ?? 0) * 0x10000;
  if (byteCount > 3) value += (bytes[start + 3] ?? 0) * 0x1000000;
  return value;
}

/** Big integers that go from one view into another cost no allocation: they are moved as words. */
function moveWords(from: DataView, start: number, to: DataView, at: number, length: number): void {
  for (let moved = 0; moved < length; moved += WORD_BYTES) {
    to.setBigInt64(at + moved, from.getBigInt64(start + moved, true), true);
  }
}

/** A copy that reaches into itself repeats what it has just written. */
function repeat(room: Uint8Array, at: number, distance: number, length: number): void {
  for (let place = at; place < at + length; place += 1) room[place] = room[place - distance] ?? 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
