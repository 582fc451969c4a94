/** The bytes of a Parquet file with these rows. */

import { rowsToArrow, writeParquet } from '../../src/parquet/index.ts';
import { parseDdl, type Row } from '../../src/schema/index.ts';

export async function parquetOf(ddl: string, rows: readonly Row[]): Promise<Uint8Array> {
  return writeParquet(await rowsToArrow(parseDdl(ddl), rows));
}
