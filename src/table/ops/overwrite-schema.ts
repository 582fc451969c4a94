/** A table that takes the columns of what comes in, whatever it had. */

import { assert } from '../../base/index.ts';
import type { Metadata } from '../../log/index.ts';
import { arrowToSchema } from '../../parquet/index.ts';
import {
  asNullable,
  checkColumnNames,
  findField,
  isFilled,
  mappingMode,
  printSchema,
  reuseMapping,
  type StructType,
  withoutMapping,
} from '../../schema/index.ts';
import { differences } from '../alter.ts';
import { partitionColumnsOf } from '../create.ts';
import { completed } from '../description.ts';
import { clusteringWithin } from '../domains.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { type AppendSource, toTable } from './append-source.ts';
import { footerAt } from './append-parquet.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { overwriteInvalid } from './rule-errors.ts';
import { describedAs, type EvolvedTable } from './evolve.ts';
import { schemaOfFiles } from './input-schema.ts';
import { checkMadeColumns } from './made-columns.ts';

/**
 * The table with the columns of the source, and what makes it so. What the table knew of its columns beside their types goes with
 * them, as in Spark: comments, defaults, what they are generated from; it is clustered by what is left of its clustering. Where
 * columns are mapped, one with the name and the type that it had stays the same to files and changes. Errors:
 * `OVERWRITE_INVALID`, `PARTITION_COLUMN_INVALID`, `COLUMN_VALUES_INVALID`, `RULE_UNSUPPORTED`, those of column names and of reading
 * the source.
 */
export async function redefined(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  { partitionBy }: { readonly partitionBy?: readonly string[] },
): Promise<EvolvedTable> {
  const schema = await schemaOf(ctx, source);
  const isMapped = mappingMode(snapshot.metadata.configuration) !== 'none';
  checkColumnNames(schema, { isMapped });
  const kept = snapshot.partitionColumns.filter((name) => findField(schema, name) !== null);
  const metadata: Metadata = {
    ...snapshot.metadata,
    schemaString: printSchema(isMapped ? reuseMapping(schema, snapshot.schema) : schema),
    partitionColumns: partitionColumnsOf(schema, partitionBy ?? kept),
  };
  const after = completed(
    { protocol: snapshot.protocol, metadata },
    { before: snapshot, random: ctx.random },
  );
  if (schema.fields.some(isFilled)) checkMadeColumns(schema, metadata);
  const table = describedAs(snapshot, after);
  const actions = [...differences(snapshot, after), ...clusteringWithin(snapshot, table.schema)];
  return { table, actions };
}

async function schemaOf(ctx: TableContext, source: AppendSource): Promise<StructType> {
  const schema = asNullable(withoutMapping(await columnsOf(ctx, source)));
  assert(schema.kind === 'struct', 'the columns of a source are a struct');
  if (schema.fields.length === 0) throw overwriteInvalid('the source has no columns');
  return schema;
}

async function columnsOf(ctx: TableContext, source: AppendSource): Promise<StructType> {
  if ('arrow' in source) return arrowToSchema((await toTable(source.arrow)).schema);
  if ('rows' in source) {
    if (source.schema !== undefined) return source.schema;
    throw overwriteInvalid('rows do not tell their columns: give them a schema');
  }
  const files = await inParallel(source.parquet, STORE_REQUESTS_MAX, async (uri) => ({
    uri,
    footer: await footerAt(ctx, uri),
  }));
  return schemaOfFiles(files);
}
