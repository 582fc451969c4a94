/** A table's own files, as the engine reads them. */

import { matchField, type RelationFile, type RowIdColumns } from '../../engine/index.ts';
import { type AddFile, featureUnsupported } from '../../log/index.ts';
import {
  type Expression,
  type MappingMode,
  mappingMode,
  parsePartitionValue,
  type Scalar,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import { deletedRows } from '../deletion-vectors.ts';
import { readingDataFile } from '../errors.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { liveFiles, partitionFields, partitionValuesOf } from './files.ts';
import type { LocalStage, StoredFile } from './input-stage.ts';
import { rowIdDefaults, rowIdFields } from './row-ids.ts';

/**
 * Where a live file's bytes are, for those who take all of its rows; its size is what the log says.
 * Errors: as for `checkWhole`.
 */
export async function tableFile(
  ctx: TableContext,
  add: Pick<AddFile, 'path' | 'size' | 'deletionVector'>,
): Promise<StoredFile> {
  checkWhole(add);
  return { ...(await fileAt(ctx, add.path)), sizeBytes: add.size };
}

/**
 * Refuses a file of which a deletion vector hides rows, for those who write a file again: the rows would come back to
 * life. Errors: `FEATURE_UNSUPPORTED`.
 */
export function checkWhole({
  path,
  deletionVector,
}: Pick<AddFile, 'path' | 'deletionVector'>): void {
  if (deletionVector === undefined) return;
  throw featureUnsupported('write', ['deletionVectors'], { path });
}

export interface TableRelationOptions {
  readonly files: readonly AddFile[];
  /** Fields of the table's schema. */
  readonly columns: StructType;
  /** As in `RelationOptions`. */
  readonly rowIds?: RowIdColumns | null;
}

/**
 * The files for `relationSql`, in the order given, with what of them the columns need, and without the rows that deletion
 * vectors hide. Errors: `ROW_IDS_MISSING`, `TABLE_FILE_MISSING` (data), those of `deletedRows` and of the stores.
 */
export async function tableRelations(
  ctx: TableContext,
  stage: LocalStage,
  snapshot: Snapshot,
  { files, columns, rowIds = null }: TableRelationOptions,
): Promise<readonly RelationFile[]> {
  const mapping = mappingOf(snapshot);
  const partitions = partitionFields(snapshot);
  return inParallel(files, STORE_REQUESTS_MAX, async (add) => {
    const stored = { ...(await fileAt(ctx, add.path)), sizeBytes: add.size };
    const footer = await stage.footer(stored);
    const names = [...columns.fields, ...rowIdFields(rowIds)].flatMap(
      (field) => matchField(field, footer.columns, mapping)?.name ?? [],
    );
    return {
      localPath: await readingDataFile(stored.path, () => stage.localFile(stored, footer, names)),
      columns: footer.columns,
      partitionValues: partitionScalars(add, partitions),
      deletedRows: await deletedRows(ctx, add.deletionVector, footer.rowCount),
      ...(rowIds === null ? {} : { rowIds: rowIdDefaults(add) }),
    };
  });
}

/** How the table's fields find their columns in its files; one whose mode nobody knows is never opened. */
export function mappingOf({ metadata }: Pick<Snapshot, 'metadata'>): MappingMode {
  return mappingMode(metadata.configuration) ?? 'none';
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
