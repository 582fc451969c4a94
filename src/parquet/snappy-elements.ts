/**
 * Snappy streams cut open and put together, without what they hold being decoded: copies go back by distances, so that an element
 * gives the same wherever it stands, as long as what it copies stands before it. The format is in `snappy.ts`.
 */

import type { Corrupt } from './errors.ts';
import type { PageBuffer } from './page-buffer.ts';
import { FOLLOWING_BYTES, littleEndian, skipLength } from './snappy.ts';
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
 * literal. What the elements give is counted, so that no damaged stream shifts what others give.
 */
export function addSnappyElements(
  out: PageBuffer,
  input: Uint8Array,
  { from, sizeBytes, corrupt }: SnappyCut,
): boolean {
  const start = skipLength(input, sizeBytes, corrupt);
  if (from === 0) {
    checkLengths(input, start, sizeBytes, corrupt);
    out.set(input.subarray(start));
    return true;
  }
  const literal = firstSnappyLiteral(input, sizeBytes, corrupt);
  if (literal.length < from) return false;
  if (!isFreeOf(from, input, start)) return false;
  checkLengths(input, start, sizeBytes, corrupt);
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

/** What each tag takes of the input, but for the bytes of literals whose length follows, and what it gives. */
const TAKES = Uint8Array.from({ length: 256 }, (_, tag) => {
  const follows = FOLLOWING_BYTES[tag] ?? 0;
  return 1 + follows + ((tag & 3) === 0 && follows === 0 ? (tag >> 2) + 1 : 0);
});
const GIVES = Uint8Array.from({ length: 256 }, (_, tag) => {
  if ((tag & 3) === 1) return ((tag >> 2) & 7) + 4;
  return isLongLiteral(tag) ? 0 : (tag >> 2) + 1;
});

/** Throws where the elements from `start` on do not give `sizeBytes`. Most come without a branch. */
function checkLengths(input: Uint8Array, start: number, sizeBytes: number, corrupt: Corrupt): void {
  let place = start;
  let given = 0;
  while (place < input.length) {
    const tag = input[place] ?? 0;
    if (isLongLiteral(tag)) {
      const length = literalLength(input, place);
      place += length;
      given += length;
      place += TAKES[tag] ?? 0;
    } else {
      place += TAKES[tag] ?? 0;
      given += GIVES[tag] ?? 0;
    }
  }
  if (place !== input.length) throw corrupt('an element of Snappy overruns its input');
  if (given !== sizeBytes) throw corrupt('Snappy gives too much output, or too little');
}

/** Whether no element from `start` on copies what is given before `from`. */
function isFreeOf(from: number, input: Uint8Array, start: number): boolean {
  let given = 0;
  for (let place = start; place < input.length;) {
    const tag = input[place] ?? 0;
    const follows = FOLLOWING_BYTES[tag] ?? 0;
    const length = (tag & 3) === 0 ? literalLength(input, place) : (GIVES[tag] ?? 0);
    if ((tag & 3) !== 0) {
      const near = (tag & 3) === 1 ? (tag >> 5) * 256 : 0;
      if (near + littleEndian(input, place + 1, follows) > given - from) return false;
    }
    place += 1 + follows + ((tag & 3) === 0 ? length : 0);
    given += length;
  }
  return true;
}

function isLongLiteral(tag: number): boolean {
  return (tag & 3) === 0 && tag >= 60 << 2;
}

/** Of the literal whose tag is at `place`. */
function literalLength(input: Uint8Array, place: number): number {
  const tag = input[place] ?? 0;
  const follows = FOLLOWING_BYTES[tag] ?? 0;
  return (follows === 0 ? tag >> 2 : littleEndian(input, place + 1, follows)) + 1;
}
