/** Whether a row fits a schema, asked row by row before any is taken. */

import { isDeltaError } from '../base/index.ts';
import type { Row, StructType } from '../schema/index.ts';
import { arrowFields } from './arrow-schema.ts';
import { MemberBuilders } from './column-builder.ts';

/** Rows after which the columns that rows are tried on are thrown away. */
const SCRATCH_ROWS_MAX = 1024;

/** A function that says why a row does not fit, in a sentence, or null; as `rowsToArrow` would. */
export async function rowCheck(schema: StructType): Promise<(row: Row) => string | null> {
  const arrow = await import('apache-arrow');
  const arrowType = new arrow.Struct(arrowFields(arrow, schema, ''));
  const cursor = { rowIndex: 0 };
  const spec = { arrow, cursor, column: '', type: schema, arrowType, nullable: false };
  const scratch = (): MemberBuilders =>
    new MemberBuilders(spec, schema, { prefix: '', ignored: new Set() });
  let columns = scratch();
  let rowCount = 0;
  return (row) => {
    rowCount += 1;
    if (rowCount % SCRATCH_ROWS_MAX === 0) columns = scratch();
    try {
      columns.append(row);
      return null;
    } catch (error) {
      if (!isDeltaError(error, 'INPUT_BAD_VALUE')) throw error;
      columns = scratch();
      return error.message;
    }
  };
}
