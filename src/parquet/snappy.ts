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
/** A literal whose length is in its tag. */
const SHORT_LITERAL_MAX = 60;
/** What a short element takes or gives, rounded up to words. */
const ELEMENT_BYTES_MAX = 72;

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
  const work = {
    input,
    from: viewOf(input),
    room,
    to: viewOf(room),
    sizeBytes,
    corrupt,
    place: skipLength(input, sizeBytes, corrupt),
    written: 0,
  };
  while (work.place < input.length) {
    decodeShort(work);
    if (work.place < input.length) decodeElement(work);
  }
  if (work.written !== sizeBytes) throw corrupt('Snappy gives too little output');
}

interface Work {
  readonly input: Uint8Array;
  readonly from: DataView;
  readonly room: Uint8Array;
  readonly to: DataView;
  readonly sizeBytes: number;
  readonly corrupt: Corrupt;
  /** Where the next element stands, and where its output goes. */
  place: number;
  written: number;
}

/**
 * Decodes elements for as long as they come as most do: a short literal or none, then a copy that does not reach into
 * itself, far from the ends. They are some bytes each, so that branches which the processor cannot foresee would cost more
 * than all the rest: a literal that is not there is one of no bytes.
 */
function decodeShort(work: Work): void {
  const { from, to } = work;
  let { place, written } = work;
  const placeMax = from.byteLength - 2 * ELEMENT_BYTES_MAX;
  const writtenMax = work.sizeBytes - 2 * ELEMENT_BYTES_MAX;
  while (place < placeMax && written < writtenMax && written >= WORD_BYTES) {
    const tag = from.getUint8(place);
    const isLiteral = ((tag & 3) - 1) >> 31;
    const literalLength = ((tag >> 2) + 1) & isLiteral;
    if (literalLength > SHORT_LITERAL_MAX) break;
    to.setBigInt64(written, from.getBigInt64((place + 1) | 0, true), true);
    to.setBigInt64((written + 8) | 0, from.getBigInt64((place + 9) | 0, true), true);
    for (let moved = 16; moved < literalLength; moved = (moved + 8) | 0) {
      to.setBigInt64((written + moved) | 0, from.getBigInt64((place + 1 + moved) | 0, true), true);
    }
    written = (written + literalLength) | 0;
    place = (place + literalLength - isLiteral) | 0;

    const head = from.getInt32(place, true);
    const copy = COPIES[head & 0xff] ?? 0;
    const distance = (((head >>> 8) & (copy >>> 16)) + ((copy << 1) & 0x700)) | 0;
    // Without a sign, so that a distance of less than a word is beyond any output.
    if (copy === 0 || (distance - WORD_BYTES) >>> 0 > (written - WORD_BYTES) >>> 0) break;
    const start = (written - distance) | 0;
    const length = copy & 0x7f;
    to.setBigInt64(written, to.getBigInt64(start, true), true);
    for (let moved = 8; moved < length; moved = (moved + 8) | 0) {
      to.setBigInt64((written + moved) | 0, to.getBigInt64((start + moved) | 0, true), true);
    }
    written = (written + length) | 0;
    place = (place + (head & 3) + 1) | 0;
  }
  work.place = place;
  work.written = written;
}

/** Decodes one element, whatever it is. */
function decodeElement(work: Work): void {
  const { input, from, room, to, sizeBytes, corrupt, written } = work;
  const tag = input[work.place] ?? 0;
  const follows = FOLLOWING_BYTES[tag] ?? 0;
  const following = littleEndian(input, work.place + 1, follows);
  const place = work.place + 1 + follows;
  let length = (tag >> 2) + 1;
  if ((tag & 3) === 0) {
    if (follows > 0) length = following + 1;
    if (length > input.length - place) throw corrupt('a literal of Snappy overruns its input');
    if (length > sizeBytes - written) throw corrupt('Snappy gives too much output');
    if (length > WORDS_BYTES_MAX || length + WORD_BYTES > input.length - place) {
      room.set(input.subarray(place, place + length), written);
    } else moveWords(from, place, to, written, length);
    work.place = place + length;
  } else {
    let distance = following;
    if ((tag & 3) === 1) {
      length = ((tag >> 2) & 7) + 4;
      distance += (tag >> 5) * 256;
    }
    if (place > input.length || distance === 0 || distance > written) {
      throw corrupt('a copy of Snappy lies outside the output');
    }
    if (length > sizeBytes - written) throw corrupt('Snappy gives too much output');
    if (distance >= WORD_BYTES) moveWords(to, written - distance, to, written, length);
    else repeat(room, written, distance, length);
    work.place = place;
  }
  work.written = written + length;
}

/**
 * Of each tag that copies output from at most 64 KiB before: the length in the lower seven bits, three upper bits of the
 * distance that the tag has itself, and from bit 16 on which bits of what follows are the others. 0 for other tags.
 */
export const COPIES = Int32Array.from({ length: 256 }, (_, tag) => {
  if ((tag & 3) === 1) return (((tag >> 2) & 7) + 4) | ((tag >> 5) << 7) | 0xff0000;
  return (tag & 3) === 2 ? ((tag >> 2) + 1) | (0xffff << 16) : 0;
});

/** How many bytes of a length or distance follow each tag. */
export const FOLLOWING_BYTES = Uint8Array.from({ length: 256 }, (_, tag) => {
  if ((tag & 3) === 0) return Math.max(0, (tag >> 2) - 59);
  return [0, 1, 2, 4][tag & 3] ?? 0;
});

/** Where the elements begin. */
export function skipLength(input: Uint8Array, expected: number, corrupt: Corrupt): number {
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
export function littleEndian(bytes: Uint8Array, start: number, byteCount: number): number {
  let value = byteCount > 0 ? (bytes[start] ?? 0) : 0;
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
