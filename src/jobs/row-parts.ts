/** What the nested values of rows are made of. */

import { assert } from '../base/index.ts';
import type { Row, RowValue } from '../schema/index.ts';

export function isList(value: RowValue | undefined): value is readonly RowValue[] {
  return Array.isArray(value);
}

/** Whether the value is a struct. */
export function isRow(value: RowValue | undefined): value is Row {
  if (typeof value !== 'object' || value === null || isList(value)) return false;
  return !(value instanceof Map || value instanceof Date || value instanceof Uint8Array);
}

/** The entries of a map, in either of the forms that `RowValue` allows. */
export function pairsOf(value: RowValue): readonly (readonly [RowValue, RowValue])[] {
  if (value instanceof Map) return [...value];
  assert(isList(value), 'a map is a Map or an array of pairs');
  return value.map((pair) => {
    assert(isList(pair), 'an entry of a map is a pair');
    const [key = null, item = null] = pair;
    return [key, item];
  });
}
