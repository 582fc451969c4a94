/** The order of scalars, as Spark and Parquet define it. */

import { unreachable } from '../base/index.ts';
import type { Scalar } from './types.ts';

/**
 * Less than, equal to or greater than 0 as `left` stands before, with or after `right`; both are of one type. NaN is
 * greater than every number and equal to itself, −0 equals +0, texts go by their UTF-8 bytes, false before true.
 */
export function compareScalars(left: Scalar, right: Scalar): number {
  switch (typeof left) {
    case 'string':
      return compareText(left, String(right));
    case 'number':
    case 'bigint':
      return compareNumbers(left, right);
    case 'boolean':
      return Number(left) - Number(right);
    case 'object':
      return right instanceof Uint8Array ? Buffer.compare(left, right) : 1;
    default:
      return unreachable(left);
  }
}

/** The order of the texts' UTF-8 bytes, which is that of code points and not of JavaScript's own comparison. */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const one = left.charCodeAt(index);
    const other = right.charCodeAt(index);
    if (one !== other) return rank(one) - rank(other);
  }
  return left.length - right.length;
}

/** Code units from U+E000 on stand, as code points, before all that surrogates spell. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** JavaScript compares a bigint with a number exactly. */
function compareNumbers(left: number | bigint, right: Scalar): number {
  if (typeof right !== 'number' && typeof right !== 'bigint') return -1;
  if (left < right) return -1;
  if (left > right) return 1;
  return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
}
