/**
 * Data files made ready for the engine: found in their store, staged where it is remote, a few ahead of the reader, and
 * without the rows that deletion vectors hide.
 */

import pLimit from 'p-limit';

import {
  HiddenRows,
  matchField,
  type RelationFile,
  relationSql,
  type RowIdColumns,
  type Session,
} from '../../engine/index.ts';
import { checkNotEncrypted } from '../../parquet/index.ts';
import type { MappingMode, StructType } from '../../schema/index.ts';
import { deletedRows, rowsBeside, type VectorChange } from '../deletion-vectors.ts';
import { readingDataFile } from '../errors.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { LiveFile } from './files.ts';
import { tableWithoutColumns } from './errors.ts';
import { dataFileFooter, LocalStage } from './input-stage.ts';
import { mappingOf } from './input-table.ts';
import { rowIdDefaults, rowIdFields } from './row-ids.ts';
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
  /** As in `RelationOptions`. */
  readonly rowIds?: RowIdColumns | null;
  /** As in `RelationOptions`. */
  readonly inAnyOrder?: boolean;
  /** As in `RelationOptions`. */
  readonly isSorted?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The files as relations of the engine, a group of neighbours each, in order. What was staged for a group lives until
 * the next one is asked for; the next group is staged meanwhile.
 * Errors: `TABLE_WITHOUT_COLUMNS` (invalid), `TABLE_FILE_MISSING` (data), those of the store and of Parquet.
 */
export async function* relations(
  ctx: TableContext,
  snapshot: Snapshot,
  files: Iterable<FileToRead>,
  options: RelationsOptions,
): AsyncGenerator<string> {
  checkHasColumns(snapshot);
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

/** More files with deletion vectors than these are told of by a table of the engine. */
const VECTORS_IN_TEXT_MAX = 32;

/**
 * Makes all of `files` ready at once, for a session; `name` is for a table in it that is made where many of the files
 * have deletion vectors, so that the statement stays short and the memory bounded. Errors: as for `relations`.
 */
export async function stageAllFiles(
  ctx: TableContext,
  snapshot: Snapshot,
  files: readonly FileToRead[],
  options: RelationsOptions & { readonly session: Session; readonly name: string },
): Promise<StagedFiles> {
  checkHasColumns(snapshot);
  const vectorCount = files.filter(({ add }) => add.deletionVector !== undefined).length;
  if (vectorCount <= VECTORS_IN_TEXT_MAX) return stageFiles(ctx, snapshot, files, options);
  return staging(async (stage) => {
    const hidden = await HiddenRows.create(options.session, options.name, statementOf(options));
    const relationFiles: RelationFile[] = [];
    for (let start = 0; start < files.length; start += GROUP_FILES_MAX) {
      const group = files.slice(start, start + GROUP_FILES_MAX);
      for (const file of await stageEach(ctx, snapshot, { stage, files: group, ...options })) {
        const { deletedRows = null, ...whole } = file;
        if (deletedRows !== null) await hidden.add(relationFiles.length, deletedRows);
        relationFiles.push(whole);
      }
    }
    await hidden.finish();
    return relationOf(snapshot, relationFiles, { ...options, hiddenRows: hidden.table });
  });
}

function stageFiles(
  ctx: TableContext,
  snapshot: Snapshot,
  files: readonly FileToRead[],
  options: RelationsOptions,
): Promise<StagedFiles> {
  return staging(async (stage) =>
    relationOf(snapshot, await stageEach(ctx, snapshot, { stage, files, ...options }), options),
  );
}

/** Runs `work` on a stage of its own, which is closed where it fails. */
async function staging(work: (stage: LocalStage) => Promise<string>): Promise<StagedFiles> {
  const stage = await LocalStage.open();
  try {
    return { sql: await work(stage), stage };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

async function stageEach(
  ctx: TableContext,
  snapshot: Snapshot,
  {
    stage,
    files,
    schema,
    variants: form = 'json',
    rowIds = null,
    signal,
  }: RelationsOptions & { readonly stage: LocalStage; readonly files: readonly FileToRead[] },
): Promise<readonly RelationFile[]> {
  const mapping = mappingOf(snapshot);
  const limit = pLimit(STAGE_PARALLEL_MAX);
  const outcomes = await Promise.allSettled(
    files.map((file) =>
      limit(() => {
        signal?.throwIfAborted();
        return stageFile(ctx, stage, file, { schema, mapping, form, rowIds });
      }),
    ),
  );
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

function relationOf(
  snapshot: Snapshot,
  files: readonly RelationFile[],
  {
    schema,
    variants = 'json',
    rowIds = null,
    inAnyOrder = false,
    isSorted = false,
    hiddenRows,
  }: RelationsOptions & { readonly hiddenRows?: string },
): string {
  return relationSql(files, {
    schema: withVariantsAs(schema, variants),
    partitionColumns: snapshot.partitionColumns,
    mapping: mappingOf(snapshot),
    rowIds,
    inAnyOrder,
    isSorted,
    ...(hiddenRows === undefined ? {} : { hiddenRows }),
  });
}

/** Nothing can be said of the rows of such a table, not even how many there are: none of its files has anything to count. */
function checkHasColumns({ schema, version }: Snapshot): void {
  if (schema.fields.length === 0) throw tableWithoutColumns(version);
}

function statementOf({ signal }: RelationsOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

async function stageFile(
  ctx: TableContext,
  stage: LocalStage,
  { add, partition, only }: FileToRead,
  how: {
    readonly schema: StructType;
    readonly mapping: MappingMode;
    readonly form: VariantForm;
    readonly rowIds: RowIdColumns | null;
  },
): Promise<RelationFile> {
  const named = { ...(await fileAt(ctx, add.path)), sizeBytes: add.size };
  return readingDataFile(named.path, async () => {
    const footer = await dataFileFooter(named);
    const file = { ...named, sizeBytes: footer.fileSizeBytes };
    const { schema, mapping, rowIds } = how;
    const names = [...schema.fields, ...rowIdFields(rowIds)].flatMap((field) =>
      holdsVariant(field.type) ? [] : (matchField(field, footer.columns, mapping)?.name ?? []),
    );
    checkNotEncrypted(footer, names, add.path);
    const localPath = await stage.localFile(file, footer, names);
    const columns = await stageVariants(stage, file, schema, { ...how, footer });
    return {
      localPath,
      ...columns,
      partitionValues: partition,
      deletedRows: await (only === undefined
        ? deletedRows(ctx, add.deletionVector, footer.rowCount)
        : rowsBeside(ctx, only, footer.rowCount)),
      ...(rowIds === null ? {} : { rowIds: rowIdDefaults(add) }),
    };
  });
}
