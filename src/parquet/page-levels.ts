/** The levels of a page: which of its entries hold a value, and which repeat. */

import type { Corrupt } from './errors.ts';
import { decodeHybrid, isOneRun } from './hybrid.ts';
import type { LeafScratch } from './leaf-scratch.ts';
import { bitWidthOf } from './page-buffer.ts';

export interface LevelKind {
  readonly count: number;
  readonly max: number;
  /** 0 for repetition levels, `max` for definition levels. */
  readonly usual: number;
}

/** The levels of a page; null where all of them are what they mostly are: no value repeats, or all are there. */
export function decodeLevels(
  bytes: Uint8Array,
  { count, max, usual }: LevelKind,
  { scratch, corrupt }: { readonly scratch: LeafScratch; readonly corrupt: Corrupt },
): Int32Array | null {
  const hybrid = { bytes, start: 0, end: bytes.length, bitWidth: bitWidthOf(max) };
  if (isOneRun(hybrid, usual, count)) return null;
  const levels = scratch.numbers(usual === 0 ? 'repetition' : 'definition', count);
  decodeHybrid(hybrid, levels, corrupt);
  return levels;
}

/** How many entries hold a value. */
export function presentCount(definition: Int32Array | null, count: number, max: number): number {
  if (definition === null) return count;
  let present = 0;
  for (let at = 0; at < count; at += 1) if (definition[at] === max) present += 1;
  return present;
}

/** The number of each row's value; -1 for null. */
export function numbered(definition: Int32Array, max: number): Int32Array {
  let count = 0;
  return definition.map((level) => {
    if (level !== max) return -1;
    count += 1;
    return count - 1;
  });
}

/** Moves the numbers at the beginning of a page to the rows that have one. */
export function spread(
  page: Float64Array,
  from: { readonly present: number; readonly definition: Int32Array; readonly max: number },
): void {
  let next = from.present;
  for (let row = page.length - 1; row >= 0; row -= 1) {
    if (from.definition[row] === from.max) {
      next -= 1;
      page[row] = page[next] ?? Number.NaN;
    } else page[row] = Number.NaN;
  }
}
