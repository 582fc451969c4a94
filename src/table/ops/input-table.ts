/** A table's own files, as the engine reads them. */

import type { RelationFile } from '../../engine/index.ts';
import { type AddFile, featureUnsupported } from '../../log/index.ts';
import {
  type Expression,
  parsePartitionValue,
  type Scalar,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { liveFiles, partitionFields, partitionValuesOf } from './files.ts';
import { columnsIn } from './input.ts';
import type { LocalStage, StoredFile } from './input-stage.ts';

/**
 * Where a live file's bytes are, for those who take all of its rows; its size is what the log says. A file of which a
 * deletion vector hides some is refused: they would come back to life. Errors: `FEATURE_UNSUPPORTED`.
 */
export async function tableFile(
  ctx: TableContext,
  { path, size: sizeBytes, deletionVector }: Pick<AddFile, 'path' | 'size' | 'deletionVector'>,
): Promise<StoredFile> {
  if (deletionVector !== undefined) {
    throw featureUnsupported('write', ['deletionVectors'], { path });
  }
  return { ...(await fileAt(ctx, path)), sizeBytes };
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
