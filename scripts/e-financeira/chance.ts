/** Choices by chance. */

import { present, type Random } from '../../src/base/index.ts';

/** A whole number from 0 to before `end`; with a `power` above 1, small ones come more often. */
export function below(random: Random, end: number, power = 1): number {
  return Math.floor(random.float() ** power * end);
}

/** Any of the items; with a `power` above 1, more often one of the first. */
export function pick<T>(items: readonly T[], random: Random, power = 1): T {
  return itemAt(items, below(random, items.length, power));
}

/** The item of this index, counted around. */
export function itemAt<T>(items: readonly T[], index: number): T {
  return present(items[index % items.length], 'an item to take');
}

/** The four digits of every number of 16 bits: printing numbers is what making ids would cost most. */
const HEX = Array.from({ length: 65_536 }, (_, number) => number.toString(16).padStart(4, '0'));

/**
 * A version 4 UUID. With `node`, it ends in those 32 bits and, mixed into the 16 before them, `group`: no two of one group with
 * different nodes are the same.
 */
export function newUuid(random: Random, unique?: { group: number; node: number }): string {
  const [a, b, c] = [bits(random), bits(random), bits(random)];
  const d = unique?.node ?? bits(random);
  const e = unique === undefined ? c & 0xffff : (unique.group ^ d) & 0xffff;
  const version = hex((b & 0x0fff) | 0x4000);
  const variant = hex(((c >>> 16) & 0x3fff) | 0x8000);
  return `${hex(a >>> 16)}${hex(a & 0xffff)}-${hex(b >>> 16)}-${version}-${variant}-${hex(e)}${hex(d >>> 16)}${hex(d & 0xffff)}`;
}

function hex(bits16: number): string {
  return HEX[bits16] ?? '';
}

function bits(random: Random): number {
  return Math.floor(random.float() * 0x1_0000_0000);
}
