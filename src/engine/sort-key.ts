/** What rows are sorted by, so that sorting changes none of them. */

import type { DataType } from '../schema/index.ts';
import { is } from './type-rules.ts';

/**
 * The value to put into ORDER BY in the place of `sql`. The engine reads a sorted column back from its keys, in which -0.0 is 0.0;
 * a key that is computed leaves the column alone.
 */
export function sortKey(sql: string, type: DataType): string {
  return is(type, 'float', 'double') ? `(${sql} + 0.0::DOUBLE)` : sql;
}
