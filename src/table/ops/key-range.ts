/** Where the keys of inputs lie, as their footers tell. */

import { footerStatistics, type ParquetFooter } from '../../parquet/index.ts';
import {
  compareScalars,
  type Expression,
  type Scalar,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import { allOf, between } from './input-table.ts';
import type { PreparedInput } from './input-types.ts';

/** A condition that holds for every row with a key of the inputs; null, which selects everything, where nothing is proved. */
export function keyRange(inputs: readonly PreparedInput[], keys: StructType): Expression | null {
  const conditions = keys.fields.flatMap((field) => {
    const bounds = inputs.map(({ footer }) => boundsIn(footer, field));
    const known = bounds.filter((bound) => bound !== null);
    const [first, ...others] = known;
    if (first === undefined || known.length < bounds.length) return [];
    return [between(field, others.reduce(widened, first))];
  });
  return allOf(conditions);
}

/** Both inclusive. */
export interface Bounds {
  readonly min: Scalar;
  readonly max: Scalar;
}

function boundsIn(footer: ParquetFooter, field: StructField): Bounds | null {
  const isThere = footer.columns.some(({ name }) => name === field.name);
  if (!isThere) return null;
  const { columns } = footerStatistics(footer, { kind: 'struct', fields: [field] });
  const { min = null, max = null } = columns.get(field.name) ?? {};
  return min === null || max === null ? null : { min, max };
}

/** What holds the values of both. */
export function widened(left: Bounds, right: Bounds): Bounds {
  return {
    min: compareScalars(left.min, right.min) <= 0 ? left.min : right.min,
    max: compareScalars(left.max, right.max) >= 0 ? left.max : right.max,
  };
}
