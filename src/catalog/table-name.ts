/** Names of databases and tables: catalogs ignore case, and a file catalog makes paths of them. */

import { badName } from './errors.ts';
import type { TableName } from './types.ts';

const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_-]{0,254}$/u;

/** The name in lower case, as Glue folds it. Throws `CATALOG_BAD_NAME` for one that is not a plain word. */
export function catalogName(name: string): string {
  const folded = name.toLowerCase();
  if (!NAME.test(folded)) throw badName(name);
  return folded;
}

export function foldedName(name: TableName): TableName {
  return { database: catalogName(name.database), table: catalogName(name.table) };
}

/**
 * A name as people write it: `database.table`, or `table` alone in `database`; null where then there is none. Throws
 * `CATALOG_BAD_NAME`.
 */
export function tableName(text: string, database: string | null): TableName | null {
  const dot = text.indexOf('.');
  if (dot !== -1) return foldedName({ database: text.slice(0, dot), table: text.slice(dot + 1) });
  return database === null ? null : foldedName({ database, table: text });
}
