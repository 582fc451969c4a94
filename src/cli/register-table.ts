/** A table, and the virtual one over its manifest, as entries of the catalog. */

import type { TableName } from '../catalog/index.ts';
import { publish } from '../jobs/index.ts';
import { type DeltaTable, tableContext } from '../table/index.ts';
import type { Environment } from './environment.ts';
import { databaseDiffers } from './errors.ts';

export interface RegisterNames {
  readonly native: TableName;
  /** In the same database. */
  readonly virtual?: TableName;
}

/** Creates or updates the entries; brings the manifest up to date first where there is a virtual table. */
export async function registerTable(
  environment: Environment,
  table: DeltaTable,
  { native, virtual }: RegisterNames,
): Promise<void> {
  if (virtual !== undefined && virtual.database !== native.database) {
    throw databaseDiffers(native.database, virtual.database);
  }
  const store = environment.tools.openStore(table.uri);
  await publish({ catalog: await environment.catalog() }, tableContext(environment.tools, store), {
    database: native.database,
    table: native.table,
    virtualTable: virtual?.table ?? null,
  });
}
