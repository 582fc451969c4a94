/** Fields of a schema as columns of a catalog entry. */

import { hiveType, type StructField } from '../schema/index.ts';
import type { CatalogColumn } from './types.ts';

/**
 * In the order of the schema, names in lower case as Glue and Athena want them. `void` columns are left out: they are
 * in no data file, and Hive has no such type. Errors: `SCHEMA_HIVE_TYPE`.
 */
export function catalogColumns(fields: readonly StructField[]): readonly CatalogColumn[] {
  return fields.filter((field) => !isVoid(field)).map(catalogColumn);
}

/** Glue refuses longer comments. */
const COMMENT_LENGTH_MAX = 255;

function catalogColumn(field: StructField): CatalogColumn {
  const comment = field.metadata['comment'];
  const column = { Name: field.name.toLowerCase(), Type: hiveType(field.type) };
  return typeof comment === 'string' && comment !== ''
    ? { ...column, Comment: comment.slice(0, COMMENT_LENGTH_MAX) }
    : column;
}

function isVoid({ type }: StructField): boolean {
  return type.kind === 'primitive' && type.name === 'void';
}
