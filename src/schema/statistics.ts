/** Statistics of one data file, typed. PROTOCOL.md, "Per-file Statistics". */

import { compareScalars } from './compare.ts';
import type { Scalar } from './types.ts';

/** A bound that is not proved is left out, never guessed. */
export interface FileStatistics {
  /** Physical rows, deleted ones included. Null where unknown. */
  readonly rowCount: number | null;
  /** False where rows were deleted by a deletion vector since: bounds still hold, but need not be met. Default true. */
  readonly tightBounds?: boolean;
  /** By top-level column, named as in the schema, also under column mapping. */
  readonly columns: ReadonlyMap<string, ColumnStatistics>;
}

export interface ColumnStatistics {
  /** No value is less. Null where unknown. */
  readonly min: Scalar | null;
  /** No value is greater; of float and double, NaN may be in the file all the same. Null where unknown. */
  readonly max: Scalar | null;
  /** Null where unknown. */
  readonly nullCount: number | null;
  /** Of a struct: by field name. */
  readonly fields: ReadonlyMap<string, ColumnStatistics> | null;
}

/** The statistics of two files, or two parts of one, taken together: what is unknown in either is unknown. */
export function mergeStatistics(left: FileStatistics, right: FileStatistics): FileStatistics {
  return {
    rowCount: add(left.rowCount, right.rowCount),
    tightBounds: (left.tightBounds ?? true) && (right.tightBounds ?? true),
    columns: mergeColumns(left, right),
  };
}

function mergeColumns(
  left: FileStatistics,
  right: FileStatistics,
): ReadonlyMap<string, ColumnStatistics> {
  return zipColumns(left.columns, right.columns, (one, other) =>
    mergeColumn(one, other, {
      left: left.rowCount,
      right: right.rowCount,
    }),
  );
}

interface RowCounts {
  readonly left: number | null;
  readonly right: number | null;
}

/** A side whose values are all null has no bounds and needs none. */
function mergeColumn(
  left: ColumnStatistics,
  right: ColumnStatistics,
  rows: RowCounts,
): ColumnStatistics {
  const leftEmpty = left.nullCount !== null && left.nullCount === rows.left;
  const rightEmpty = right.nullCount !== null && right.nullCount === rows.right;
  const bounds = (name: 'min' | 'max', sign: number): Scalar | null => {
    if (leftEmpty) return right[name];
    if (rightEmpty) return left[name];
    const [one, other] = [left[name], right[name]];
    if (one === null || other === null) return null;
    return compareScalars(one, other) * sign <= 0 ? one : other;
  };
  return {
    min: bounds('min', 1),
    max: bounds('max', -1),
    nullCount: add(left.nullCount, right.nullCount),
    fields:
      left.fields === null || right.fields === null
        ? null
        : zipColumns(left.fields, right.fields, (one, other) => mergeColumn(one, other, rows)),
  };
}

function zipColumns(
  left: ReadonlyMap<string, ColumnStatistics>,
  right: ReadonlyMap<string, ColumnStatistics>,
  merge: (left: ColumnStatistics, right: ColumnStatistics) => ColumnStatistics,
): ReadonlyMap<string, ColumnStatistics> {
  const merged = new Map<string, ColumnStatistics>();
  for (const [name, column] of left) {
    const other = right.get(name);
    if (other !== undefined) merged.set(name, merge(column, other));
  }
  return merged;
}

function add(left: number | null, right: number | null): number | null {
  return left === null || right === null ? null : left + right;
}
