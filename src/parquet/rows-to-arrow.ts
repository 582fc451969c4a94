/** Rows as users hand them in, as Arrow data whose Parquet form is Delta's. */

import type { Table } from 'apache-arrow';

import type { Row, StructType } from '../schema/index.ts';
import { arrowFields } from './arrow-schema.ts';
import { checkRow, MemberBuilders } from './column-builder.ts';

export interface RowsOptions {
  /** Columns of `schema` that files do not hold: rows may have them, the result does not. Default: none. */
  readonly partitionColumns?: readonly string[];
  /** What errors call each row. Default: its place in `rows`. */
  readonly rowIndexes?: readonly number[];
}

/**
 * Arrow data, of one batch, with the columns of `schema`, in its order. Values are as `RowValue` documents; a column that
 * a row lacks is null.
 *
 * Errors: `INPUT_BAD_VALUE` (invalid), with `rowIndex` and `column`, for a value that does not fit its column, a null
 * where none may be, and a value of a column that is not in the schema, with `rowIndex` alone for a row that is no
 * object; `PARQUET_UNSUPPORTED_TYPE`.
 */
export async function rowsToArrow(
  schema: StructType,
  rows: readonly Row[],
  options: RowsOptions = {},
): Promise<Table> {
  const arrow = await import('apache-arrow');
  const ignored = new Set(options.partitionColumns);
  const fields = schema.fields.filter(({ name }) => !ignored.has(name));
  const type: StructType = { kind: 'struct', fields };
  const arrowType = new arrow.Struct(arrowFields(arrow, type, ''));
  const cursor = { rowIndex: 0 };
  const spec = { arrow, cursor, column: '', type, arrowType, nullable: false };
  const columns = new MemberBuilders(spec, type, { prefix: '', ignored });
  for (const [place, row] of rows.entries()) {
    cursor.rowIndex = options.rowIndexes?.[place] ?? place;
    checkRow(row, cursor.rowIndex);
    columns.append(row);
  }
  const data = new arrow.Data(arrowType, 0, rows.length, 0, {}, columns.finish());
  return new arrow.Table(new arrow.RecordBatch(new arrow.Schema(arrowType.children), data));
}
