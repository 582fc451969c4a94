/** A table's own files, as the engine reads them. */

import type { RelationFile } from '../../engine/index.ts';
import type { AddFile } from '../../log/index.ts';
import {
  decodePath,
  type Expression,
  parsePartitionValue,
  type Scalar,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { liveFiles, partitionFields, partitionValuesOf } from './files.ts';
import { columnsIn } from './input.ts';
import type { LocalStage, StoredFile } from './input-stage.ts';

/** Where a live file's bytes are; its size is what the log says. PROTOCOL.md, "Add File and Remove File". */
export async function tableFile(
  ctx: TableContext,
  { path, size: sizeBytes }: Pick<AddFile, 'path' | 'size'>,
): Promise<StoredFile> {
  // A `file:` URI is resolved as it is spelled; those of stores have names that may hold any character.
  if (/^file:/i.test(path)) return { ...(await ctx.resolve(path)), sizeBytes };
  const key = decodePath(path);
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return { ...(await ctx.resolve(key)), sizeBytes };
  return { store: ctx.store, path: key, sizeBytes };
}

/** The files for `relationSql`, in the order given, with what of them `columns` needs. */
export async function tableRelations(
  ctx: TableContext,
  stage: LocalStage,
  snapshot: Snapshot,
  { files, columns }: { readonly files: readonly AddFile[]; readonly columns: StructType },
): Promise<readonly RelationFile[]> {
  const names = columns.fields.map(({ name }) => name);
  const partitions = partitionFields(snapshot);
  return inParallel(files, STORE_REQUESTS_MAX, async (add) => {
    const stored = await tableFile(ctx, add);
    const footer = await stage.footer(stored);
    return {
      localPath: await stage.localFile(stored, footer, columnsIn(footer, names)),
      columns: footer.columns,
      partitionValues: partitionScalars(add, partitions),
    };
  });
}

function partitionScalars(
  add: AddFile,
  fields: readonly StructField[],
): ReadonlyMap<string, Scalar | null> {
  const values = partitionValuesOf(add, fields);
  return new Map(
    fields.map(({ name, type }) => [name, parsePartitionValue(values[name] ?? null, type)]),
  );
}

/** The live files, or those of `files`, that may hold a row for which the condition is true; null is true for all. */
export function filesThatMayMatch(
  snapshot: Snapshot,
  condition: Expression | null,
  files: Iterable<AddFile> = snapshot.files(),
): readonly AddFile[] {
  if (condition === null) return [...files];
  const options = { where: condition, statistics: null, files };
  return Array.from(liveFiles(snapshot, options), ({ add }) => add);
}

/** The condition that a column's value is between two bounds, both inclusive. */
export function between(
  { name, type }: StructField,
  bounds: { readonly min: Scalar; readonly max: Scalar },
): Expression {
  return {
    kind: 'between',
    operand: { kind: 'column', path: [name] },
    low: { kind: 'literal', value: bounds.min, type },
    high: { kind: 'literal', value: bounds.max, type },
    negated: false,
  };
}

/** True where all are; null, which selects everything, where there are none. */
export function allOf(conditions: readonly Expression[]): Expression | null {
  return conditions.reduce<Expression | null>(
    (left, right) => (left === null ? right : { kind: 'binary', operator: 'and', left, right }),
    null,
  );
}
