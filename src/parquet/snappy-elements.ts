/**
 * Snappy streams cut open and put together, without what they hold being decoded: copies go back by distances, so that an element
 * gives the same wherever it stands, as long as what it copies stands before it. The format is in `snappy.ts`.
 */

import type { Corrupt } from './errors.ts';
import type { PageBuffer } from './page-buffer.ts';
import { COPIES, FOLLOWING_BYTES, littleEndian, skipLength } from './snappy.ts';
import { snappyLiteralHead } from './snappy-encoder.ts';

/** The bytes that the output begins with, as far as the first element, where it is a literal, gives them. */
export function firstSnappyLiteral(
  input: Uint8Array,
  sizeBytes: number,
  corrupt: Corrupt,
): Uint8Array {
  const place = skipLength(input, sizeBytes, corrupt);
  const tag = input[place] ?? 1;
  if ((tag & 3) !== 0) return input.subarray(0, 0);
  const start = place + 1 + (FOLLOWING_BYTES[tag] ?? 0);
  return input.subarray(start, start + literalLength(input, place));
}

/**
 * Adds to `out` the elements that give the output from byte `from` on: since copies go by distances, they give the same wherever
 * they stand in a stream. False, and nothing added, where one copies what is before `from`, or that does not lie in the first
 * literal. What the elements give is counted, and what they copy is their own, so that no damaged stream changes what others give.
 */
export function addSnappyElements(
  out: PageBuffer,
  input: Uint8Array,
  { from, sizeBytes, corrupt }: SnappyCut,
): boolean {
  const start = skipLength(input, sizeBytes, corrupt);
  const lowest = lowestCopied(input, start, sizeBytes, corrupt);
  if (from === 0) {
    out.set(input.subarray(start));
    return true;
  }
  const literal = firstSnappyLiteral(input, sizeBytes, corrupt);
  if (literal.length < from || lowest < from) return false;
  const after = literal.byteOffset - input.byteOffset + literal.length;
  const rest = literal.subarray(from);
  if (rest.length > 0) {
    out.set(snappyLiteralHead(rest.length));
    out.set(rest);
  }
  out.set(input.subarray(after));
  return true;
}

export interface SnappyCut {
  readonly from: number;
  /** Of all the output. */
  readonly sizeBytes: number;
  readonly corrupt: Corrupt;
}

/** What each copy takes of the input, and what it gives. */
const TAKES = Uint8Array.from({ length: 256 }, (_, tag) => 1 + (FOLLOWING_BYTES[tag] ?? 0));
const GIVES = Uint8Array.from({ length: 256 }, (_, tag) =>
  (tag & 3) === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1,
);
/** A literal whose length is in its tag. */
const SHORT_LITERAL_MAX = 60;
/** Of such a literal and what follows it. */
const PAIR_BYTES_MAX = 1 + SHORT_LITERAL_MAX + 4;

/**
 * The first byte of the output that an element from `start` on copies; `sizeBytes` where none does. Throws where the elements do
 * not give `sizeBytes`, or one copies what is not there.
 */
function lowestCopied(
  input: Uint8Array,
  start: number,
  sizeBytes: number,
  corrupt: Corrupt,
): number {
  const walk: Walk = { input, place: start, given: 0, lowest: sizeBytes };
  while (walk.place < input.length) {
    passPairs(walk);
    if (walk.place < input.length) passElement(walk);
  }
  if (walk.place !== input.length) throw corrupt('an element of Snappy overruns its input');
  if (walk.given !== sizeBytes) throw corrupt('Snappy gives too much output, or too little');
  if (walk.lowest < 0) throw corrupt('Snappy copies what is not there');
  return walk.lowest;
}

interface Walk {
  readonly input: Uint8Array;
  /** Of the next element. */
  place: number;
  /** By the elements before it, and the first byte of that that they copied. */
  given: number;
  lowest: number;
}

/** Passes elements for as long as they come as most do, far from the end, and without branches: as `decodeShort` does. */
function passPairs(walk: Walk): void {
  const { input } = walk;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const placeMax = input.length - PAIR_BYTES_MAX;
  let { place, given, lowest } = walk;
  while (place < placeMax) {
    const tag = view.getUint8(place);
    const isLiteral = ((tag & 3) - 1) >> 31;
    const literalLength = ((tag >> 2) + 1) & isLiteral;
    if (literalLength > SHORT_LITERAL_MAX) break;
    const next = (place + literalLength - isLiteral) | 0;
    const head = view.getInt32(next, true);
    const copy = COPIES[head & 0xff] ?? 0;
    const distance = (((head >>> 8) & (copy >>> 16)) + ((copy << 1) & 0x700)) | 0;
    if (copy === 0 || distance === 0) break;
    given += literalLength;
    lowest = Math.min(lowest, given - distance);
    given += copy & 0x7f;
    place = (next + (head & 3) + 1) | 0;
  }
  walk.place = place;
  walk.given = given;
  walk.lowest = lowest;
}

/** Passes one element, whatever it is. */
function passElement(walk: Walk): void {
  const { input, place } = walk;
  const tag = input[place] ?? 0;
  walk.place += TAKES[tag] ?? 0;
  if ((tag & 3) === 0) {
    const length = literalLength(input, place);
    walk.place += length;
    walk.given += length;
    return;
  }
  const distance = copyDistance(input, place, tag);
  walk.lowest = Math.min(walk.lowest, distance === 0 ? -1 : walk.given - distance);
  walk.given += GIVES[tag] ?? 0;
}

/** How far the copy whose tag is at `place` goes back. */
function copyDistance(input: Uint8Array, place: number, tag: number): number {
  const near = (tag & 3) === 1 ? (tag >> 5) * 256 : 0;
  return near + littleEndian(input, place + 1, FOLLOWING_BYTES[tag] ?? 0);
}

/** Of the literal whose tag is at `place`. */
function literalLength(input: Uint8Array, place: number): number {
  const tag = input[place] ?? 0;
  const follows = FOLLOWING_BYTES[tag] ?? 0;
  return (follows === 0 ? tag >> 2 : littleEndian(input, place + 1, follows)) + 1;
}
