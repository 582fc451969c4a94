/**
 * Columns with variants in a form that the engine reads: in a file beside the data file, with as many rows in the same
 * order.
 */

import { writeFile } from 'node:fs/promises';

import type { Table } from 'apache-arrow';

import { matchField, type RelationFile } from '../../engine/index.ts';
import {
  memorySource,
  type ParquetFooter,
  type ParquetNode,
  readFooter,
  readRows,
  rowsToArrow,
  storeSource,
  writeParquet,
} from '../../parquet/index.ts';
import type { Row, StructType } from '../../schema/index.ts';
import type { LocalStage, StoredFile } from './input-stage.ts';
import { type ColumnPlan, planColumn, type PlanOptions } from './variant-plan.ts';
import { holdsVariant } from './variant-types.ts';

/** Rows that are in memory as values at once. */
const ROWS_MAX = 8192;

/**
 * What `relationSql` is to be told of a file whose table has variants: the columns as they are to be read. Without any
 * in the file, it is the file as it is. Errors: `VARIANT_CORRUPT`, `VARIANT_MALFORMED` (data), those of Parquet.
 */
export async function stageVariants(
  stage: LocalStage,
  file: StoredFile,
  schema: StructType,
  options: PlanOptions,
): Promise<Pick<RelationFile, 'columns' | 'beside'>> {
  const { footer } = options;
  const plans = columnPlans(schema, options);
  if (plans.length === 0) return { columns: footer.columns };
  const localPath = stage.freshFile('.parquet');
  const bytes = await writeParquet(convertedTables(file, footer, plans));
  await writeFile(localPath, bytes);
  const converted = await readFooter(memorySource(localPath, bytes));
  const columns = footer.columns.map((node) => {
    const replaced = converted.columns.find(({ name }) => name === node.name);
    return replaced === undefined ? node : withIdsOf(replaced, node);
  });
  return { columns, beside: { localPath, columns: plans.map(({ name }) => name) } };
}

interface NamedPlan extends ColumnPlan {
  /** In the file. */
  readonly name: string;
}

function columnPlans(schema: StructType, options: PlanOptions): readonly NamedPlan[] {
  return schema.fields.flatMap((field) => {
    if (!holdsVariant(field.type)) return [];
    const node = matchField(field, options.footer.columns, options.mapping);
    const plan = node === null ? null : planColumn(node, field.type, options);
    return node === null || plan === null ? [] : [{ ...plan, name: node.name }];
  });
}

async function* convertedTables(
  { store, path, sizeBytes }: StoredFile,
  footer: ParquetFooter,
  plans: readonly NamedPlan[],
): AsyncGenerator<Table> {
  const fields = plans.map(({ name, type }) => ({ name, type, nullable: true, metadata: {} }));
  const schema: StructType = { kind: 'struct', fields };
  const source = storeSource(store, path, { sizeBytes });
  // The decoder is to take a variant for the group that it is.
  const plain = { ...footer, columns: footer.columns.map(withoutVariants) };
  const columns = plans.map(({ name }) => [name]);
  let rows: Row[] = [];
  for await (const row of readRows(source, plain, { columns })) {
    rows.push(Object.fromEntries(plans.map(({ name, read }) => [name, read(row[name])])));
    if (rows.length < ROWS_MAX) continue;
    yield await rowsToArrow(schema, rows);
    rows = [];
  }
  yield await rowsToArrow(schema, rows);
}

function withoutVariants(node: ParquetNode): ParquetNode {
  const children = node.children.map(withoutVariants);
  return node.logicalType?.kind === 'variant'
    ? { ...node, logicalType: null, children }
    : { ...node, children };
}

/** Fields are found by id in some tables, also within structs, lists and maps. */
function withIdsOf(node: ParquetNode, original: ParquetNode): ParquetNode {
  const isStruct = node.logicalType === null;
  const children = node.children.map((child, index) => {
    const found = isStruct
      ? original.children.find(({ name }) => name === child.name)
      : original.children[index];
    return found === undefined ? child : withIdsOf(child, found);
  });
  return { ...node, fieldId: original.fieldId, children };
}
