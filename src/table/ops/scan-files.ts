/**
 * Data files made ready for the engine: found in their store, staged where it is remote, a few ahead of the reader, and
 * without the rows that deletion vectors hide.
 */

import pLimit from 'p-limit';

import { isDeltaError } from '../../base/index.ts';
import { matchField, type RelationFile, relationSql } from '../../engine/index.ts';
import { type MappingMode, mappingMode, type StructType } from '../../schema/index.ts';
import { deletedRows, rowsBeside, type VectorChange } from '../deletion-vectors.ts';
import { fileMissing } from '../errors.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { LiveFile } from './files.ts';
import { LocalStage, storedFooter } from './input-stage.ts';
import { stageVariants } from './variant-stage.ts';
import { holdsVariant, type VariantForm, withVariantsAs } from './variant-types.ts';

/** Files in one statement of the engine, at most. */
const GROUP_FILES_MAX = 32;
/** Bytes of data files in one group, unless one file is larger. */
const GROUP_BYTES_MAX = 128 * 1024 * 1024;
/** Files of a group that are fetched side by side. */
const STAGE_PARALLEL_MAX = 8;

export interface FileToRead extends LiveFile {
  /** Only these rows. Default: those that the file's own vector does not hide. */
  readonly only?: VectorChange;
}

export interface RelationsOptions {
  /** The columns to read, in order; fields of the table's schema. */
  readonly schema: StructType;
  /** What variants are read as. Default `json`. */
  readonly variants?: VariantForm;
  readonly signal?: AbortSignal;
}

/**
 * The files as relations of the engine, a group of neighbours each, in order. What was staged for a group lives until
 * the next one is asked for; the next group is staged meanwhile.
 * Errors: `TABLE_FILE_MISSING` (data), those of the store and of Parquet.
 */
export async function* relations(
  ctx: TableContext,
  snapshot: Snapshot,
  files: Iterable<FileToRead>,
  options: RelationsOptions,
): AsyncGenerator<string> {
  const groups = groupsOf(files)[Symbol.iterator]();
  const stageNext = (): Promise<StagedFiles | null> => {
    const { done, value } = groups.next();
    return done === true ? Promise.resolve(null) : stageFiles(ctx, snapshot, value, options);
  };
  let ahead = stageNext();
  try {
    for (;;) {
      const group = await ahead;
      if (group === null) return;
      ahead = stageNext();
      // The error of a group staged ahead is thrown when its turn comes.
      ahead.catch(() => undefined);
      try {
        yield group.sql;
      } finally {
        await group.stage.close();
      }
    }
  } finally {
    const rest = await ahead.catch(() => null);
    await rest?.stage.close();
  }
}

/** Files as one relation; `stage` holds what was brought to the local disk for it. */
export interface StagedFiles {
  readonly sql: string;
  readonly stage: LocalStage;
}

function* groupsOf(files: Iterable<FileToRead>): Iterable<readonly FileToRead[]> {
  let group: FileToRead[] = [];
  let sizeBytes = 0;
  for (const file of files) {
    const full = group.length === GROUP_FILES_MAX || sizeBytes + file.add.size > GROUP_BYTES_MAX;
    if (group.length > 0 && full) {
      yield group;
      group = [];
      sizeBytes = 0;
    }
    group.push(file);
    sizeBytes += file.add.size;
  }
  if (group.length > 0) yield group;
}

/** Makes all of `files` ready at once. Errors: as for `relations`. */
export async function stageFiles(
  ctx: TableContext,
  snapshot: Snapshot,
  files: readonly FileToRead[],
  { schema, variants = 'json', signal }: RelationsOptions,
): Promise<StagedFiles> {
  const mapping = mappingMode(snapshot.metadata.configuration) ?? 'none';
  const stage = await LocalStage.open();
  try {
    const limit = pLimit(STAGE_PARALLEL_MAX);
    const outcomes = await Promise.allSettled(
      files.map((file) =>
        limit(() => {
          signal?.throwIfAborted();
          return stageFile(ctx, stage, file, { schema, mapping, form: variants });
        }),
      ),
    );
    const staged = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
    const { partitionColumns } = snapshot;
    const readAs = withVariantsAs(schema, variants);
    const sql = relationSql(staged, { schema: readAs, partitionColumns, mapping });
    return { sql, stage };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

async function stageFile(
  ctx: TableContext,
  stage: LocalStage,
  { add, partition, only }: FileToRead,
  how: {
    readonly schema: StructType;
    readonly mapping: MappingMode;
    readonly form: VariantForm;
  },
): Promise<RelationFile> {
  try {
    const file = { ...(await fileAt(ctx, add.path)), sizeBytes: add.size };
    const footer = await storedFooter(file);
    const { schema, mapping } = how;
    const names = schema.fields.flatMap((field) =>
      holdsVariant(field.type) ? [] : (matchField(field, footer.columns, mapping)?.name ?? []),
    );
    const localPath = await stage.localFile(file, footer, names);
    const columns = await stageVariants(stage, file, schema, { ...how, footer });
    return {
      localPath,
      ...columns,
      partitionValues: partition,
      deletedRows: await (only === undefined
        ? deletedRows(ctx, add.deletionVector, footer.rowCount)
        : rowsBeside(ctx, only, footer.rowCount)),
    };
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) throw fileMissing(add.path, error);
    throw error;
  }
}
