/**
 * Data files written again in part: row groups and columns in which nothing changes are copied byte for byte, and only the
 * rest is decoded and encoded.
 */

import { rm } from 'node:fs/promises';

import { present } from '../../base/index.ts';
import { copyToParquet, identifier, matchField, relationSql } from '../../engine/index.ts';
import type { AddFile, PartitionValues, RowBits } from '../../log/index.ts';
import {
  canPatch,
  canRecast,
  type Codec,
  type ColumnChunk,
  isAlike,
  judgeVerbatim,
  type LocalFileSource,
  localFileSource,
  type ParquetFooter,
  patchFile,
  readFooter,
  recastColumns,
  type RowGroup,
  unmappedFooter,
} from '../../parquet/index.ts';
import { deletedRows } from '../deletion-vectors.ts';
import { isManifestEnabled } from '../properties.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot } from '../types.ts';
import { type StagedFile, storedFields, writeDataFile } from './append-file.ts';
import type { SelectWriter } from './append-select.ts';
import type { LocalStage } from './input-stage.ts';
import { mappingOf, tableRelations } from './input-table.ts';
import { rowIdFields } from './row-ids.ts';

/** What splices of one table share. */
export interface SpliceStep {
  readonly snapshot: Snapshot;
  readonly stage: LocalStage;
  readonly writer: SelectWriter;
  /** One that was asked for, which then also what is copied must have. */
  readonly codec: Codec | undefined;
  /** Name of a column with the place of a row in its file, and of one with the file's, which is 0. */
  readonly rowNumber: string;
  readonly fileNumber?: string;
}

export interface SpliceInput {
  readonly add: AddFile;
  /** By the names of the schema. */
  readonly partitionValues: PartitionValues;
  /** Of the file as it stands in its storage, those that change or go; null for all. */
  readonly rows: RowBits | null;
  /** The columns that get new values, where all rows stay; null where some go. */
  readonly columns: ReadonlySet<string> | null;
}

/** What is to be done with a file; from `planSplice`. */
export interface Splice {
  readonly input: SpliceInput;
  /** Of the file, under the names of the table. */
  readonly footer: ParquetFooter;
  /** Whether all rows stay in their places. */
  readonly isInPlace: boolean;
  /** The columns that are encoded again, in row groups with rows that change. */
  readonly columns: readonly string[];
  readonly rowGroups: ReadonlySet<number>;
}

/** More of a file than this is rather written again as a whole. */
const ENCODED_SHARE_MAX = 1 / 2;
/** What could be encoded in the time that another statement of the engine takes. */
const STATEMENT_BYTES = 64 * 1024;
/** Smaller row groups are not asked of the engine, which also counts bytes: a kilobyte for each row asked for. */
const ROW_GROUP_ROWS_MIN = 122_880;

/** Null where the file cannot be spliced, or it would not pay. Errors: those of `deletedRows` and of reading footers. */
export async function planSplice(step: SpliceStep, input: SpliceInput): Promise<Splice | null> {
  const { snapshot, stage, writer } = step;
  const { add } = input;
  const { schema, fileSchema, partitionColumns, rowIds = null } = writer.target;
  const fields = storedFields(writer.target);
  const stored = { ...(await fileAt(writer.ctx, add.path)), sizeBytes: add.size };
  const mapping = mappingOf(snapshot);
  const own = { ...fileSchema, fields };
  const footer = unmappedFooter(await stage.footer(stored), own, (field, nodes) =>
    matchField(field, nodes, mapping),
  );
  if (footer === null || !canPatch(footer)) return null;
  const columnsInOrder = isManifestEnabled(snapshot.metadata);
  const judged = { partitionColumns, columnsInOrder, allowInt96: true };
  if (judgeVerbatim(footer, schema, judged).kind !== 'verbatim') return null;
  const hidden = await deletedRows(writer.ctx, add.deletionVector, footer.rowCount);
  const isInPlace = input.columns !== null && hidden === null;
  const changing = new Set([
    ...(input.columns ?? []),
    ...rowIdFields(rowIds).map(({ name }) => name),
  ]);
  const columns = fields
    .map(({ name }) => name)
    .filter((name) => changing.has(name) || (!isInPlace && hasColumn(footer, name)));
  if (columns.length === 0) return null;
  // A table that is read by position has no gaps between the columns of its files.
  if (columnsInOrder && columns.some((name) => !hasColumn(footer, name))) return null;
  const splice = {
    input,
    footer,
    isInPlace,
    columns,
    rowGroups: rowGroupsWith(footer, [input.rows, ...(hidden === null ? [] : [hidden])]),
  };
  return pays(splice, []) && hasCodec(step, splice) ? splice : null;
}

/** A SELECT of the file's rows after the change, in the order of `rows`: SQL for some of the rows before it. */
export type SelectRows = (rows: string) => string;

/**
 * Writes the new file; null, and nothing written, where the engine would have to encode too much of it after all.
 * Errors: `NULL_NOT_ALLOWED` (data), those of the stores, of Parquet and of the engine.
 */
export async function stageSplice(
  step: SpliceStep,
  splice: Splice,
  select: SelectRows,
): Promise<readonly StagedFile[] | null> {
  const { ctx, target } = step.writer;
  const { footer, input, isInPlace, columns, rowGroups } = splice;
  const { localPath, rowsOf } = await partsOf(step, splice);
  const patches = new PatchFiles(step);
  try {
    for (const number of rowGroups) {
      const inPlaceOf = isInPlace ? rowGroupAt(footer, number) : null;
      const part = { number, rows: select(rowsOf(number)), columns, inPlaceOf };
      if (!(await patches.add(part))) return null;
    }
    const copied = [...footer.rowGroups.entries()].filter(
      ([number, { rowCount }]) => rowCount > 0 && !rowGroups.has(number),
    );
    // What cannot be laid out as the file does it has to change in all of it.
    const others = copied.length === 0 ? [] : await patches.layOut(footer, columns);
    if (!pays(splice, others)) return null;
    const ids = rowIdFields(target.rowIds ?? null).map(({ name }) => name);
    for (const [number, rowGroup] of copied) {
      const open = ids.filter((name) => !others.includes(name) && mayHoldNull(rowGroup, name));
      const anew = [...others, ...open];
      if (anew.length === 0) continue;
      const part = { number, rows: rowsOf(number), columns: anew, inPlaceOf: rowGroup };
      if (!(await patches.add(part))) return null;
    }
    const base = { source: await patches.open(localPath), footer };
    const names = storedFields(target).map(({ name }) => name);
    const file = await writeDataFile(ctx, target, input.partitionValues, (localFile) =>
      patchFile({ base, columns: names, patches: patches.files }, localFile),
    );
    return file === null ? [] : [file];
  } finally {
    await patches.close();
  }
}

/** Files of new chunks, on the local disk until these are where they belong. */
class PatchFiles {
  readonly files = new Map<number, PatchFile>();
  readonly #step: SpliceStep;
  readonly #sources: LocalFileSource[] = [];
  readonly #paths: string[] = [];

  constructor(step: SpliceStep) {
    this.#step = step;
  }

  /** Writes some columns of some rows; false where they are to be one row group and are not. */
  async add({ number, rows, columns, inPlaceOf }: Part): Promise<boolean> {
    const { stage, writer } = this.#step;
    const { session, target, signal } = writer;
    const path = stage.freshFile('.parquet');
    this.#paths.push(path);
    await copyToParquet(session, `SELECT ${columns.map(identifier).join(', ')} FROM (${rows})`, {
      file: path,
      codec: target.codec,
      fields: storedFields(target).filter(({ name }) => columns.includes(name)),
      rowGroupRows: Math.max(inPlaceOf?.rowCount ?? 0, ROW_GROUP_ROWS_MIN),
      ...(signal === undefined ? {} : { signal }),
    });
    const source = await this.open(path);
    const footer = await readFooter(source);
    this.files.set(number, { source, footer, path });
    return inPlaceOf === null || footer.rowGroups.length === 1;
  }

  async open(path: string): Promise<LocalFileSource> {
    const source = await localFileSource(path);
    this.#sources.push(source);
    return source;
  }

  /** Lays out columns of what was written as the file does; returns those for which that cannot be. */
  async layOut(footer: ParquetFooter, columns: readonly string[]): Promise<readonly string[]> {
    const { codec } = this.#step.writer.target;
    const [made] = this.files.values();
    const pairs = columns.map((name) => {
      const [own, other] = [columnOf(footer, name), made && columnOf(made.footer, name)];
      return { name, own, other };
    });
    const unlike = pairs.filter(({ own, other }) => !own || !other || !isAlike(own, other));
    const fit = unlike.flatMap(({ own, other }) =>
      own && other && canRecast(other, own) ? [own] : [],
    );
    const rest = unlike.map(({ name }) => name);
    if (fit.length === 0) return rest;
    const recast = new Map<number, PatchFile>();
    for (const [number, file] of this.files) {
      const laidOut = await recastColumns(file, fit, { file: file.path, codec });
      if (laidOut === null) return rest;
      recast.set(number, { ...file, footer: laidOut });
    }
    for (const [number, file] of recast) this.files.set(number, file);
    return rest.filter((name) => !fit.some((node) => node.name === name));
  }

  async close(): Promise<void> {
    for (const source of this.#sources) await source.close();
    for (const path of this.#paths) await rm(path, { force: true });
  }
}

interface Part {
  readonly number: number;
  /** SQL for its rows. */
  readonly rows: string;
  readonly columns: readonly string[];
  /** The row group that keeps its rows; null where others may take their place. */
  readonly inPlaceOf: RowGroup | null;
}

interface PatchFile {
  readonly path: string;
  readonly source: LocalFileSource;
  readonly footer: ParquetFooter;
}

/** The file as the engine reads it, and SQL for the rows of each of its row groups. */
async function partsOf(
  { snapshot, stage, writer, rowNumber, fileNumber }: SpliceStep,
  { input, footer }: Splice,
): Promise<{ readonly localPath: string; readonly rowsOf: (number: number) => string }> {
  const { schema, partitionColumns } = snapshot;
  const { rowIds = null } = writer.target;
  const relations = await tableRelations(writer.ctx, stage, snapshot, {
    files: [input.add],
    columns: schema,
    rowIds,
  });
  const rows = relationSql(relations, {
    schema,
    partitionColumns,
    mapping: mappingOf(snapshot),
    rowIds,
    rowNumber,
    ...(fileNumber === undefined ? {} : { fileIndex: fileNumber }),
  });
  const ends = rowGroupEnds(footer);
  return {
    localPath: present(relations[0], 'the file').localPath,
    rowsOf: (number) => {
      if (ends.length === 1) return rows;
      const [start, end] = [ends[number - 1] ?? 0, ends[number] ?? 0];
      // The engine skips row groups by the numbers of their rows.
      const range = `BETWEEN ${String(start)} AND ${String(end - 1)}`;
      return `SELECT * FROM (${rows}) WHERE ${identifier(rowNumber)} ${range}`;
    },
  };
}

/** By row group, how many rows there are up to its end. */
function rowGroupEnds({ rowGroups }: ParquetFooter): readonly number[] {
  let end = 0;
  return rowGroups.map(({ rowCount }) => (end += rowCount));
}

/** The row groups with a row that one of these selects; null selects all. */
function rowGroupsWith(
  footer: ParquetFooter,
  selections: readonly (RowBits | null)[],
): ReadonlySet<number> {
  const ends = rowGroupEnds(footer);
  const isTouched = (number: number): boolean => {
    const [start, end] = [ends[number - 1] ?? 0, ends[number] ?? 0];
    return start < end && selections.some((rows) => rows === null || hasRow(rows, start, end));
  };
  return new Set([...footer.rowGroups.keys()].filter(isTouched));
}

/** Whether a bit is set of those from `start` (inclusive) to `end` (exclusive). */
function hasRow(rows: RowBits, start: number, end: number): boolean {
  for (let row = start; row < end; row += 1) {
    const byte = rows[row >> 3] ?? 0;
    // On to the last bit of the byte.
    if (byte === 0) row |= 7;
    else if ((byte & (0x80 >> (row & 7))) !== 0) return true;
  }
  return false;
}

/** Whether the bytes that are copied are worth the trouble, where `others` are encoded again in all row groups. */
function pays({ footer, columns, rowGroups }: Splice, others: readonly string[]): boolean {
  let [total, encoded, statements] = [0, 0, 0];
  for (const [number, { columns: chunks }] of footer.rowGroups.entries()) {
    const names = new Set(rowGroups.has(number) ? columns : others);
    statements += names.size === 0 ? 0 : 1;
    for (const { path, sizeBytes } of chunks) {
      total += sizeBytes;
      encoded += names.has(path[0] ?? '') ? sizeBytes : 0;
    }
  }
  return encoded <= total * ENCODED_SHARE_MAX && total - encoded >= statements * STATEMENT_BYTES;
}

function hasCodec({ codec }: SpliceStep, { footer, columns, rowGroups }: Splice): boolean {
  if (codec === undefined) return true;
  const isCopied = (number: number, { path }: ColumnChunk): boolean =>
    !rowGroups.has(number) || !columns.includes(path[0] ?? '');
  return footer.rowGroups.every((rowGroup, number) =>
    rowGroup.columns.every(
      (chunk) =>
        !isCopied(number, chunk) || chunk.codec === codec || chunk.codec === 'uncompressed',
    ),
  );
}

function rowGroupAt({ rowGroups }: ParquetFooter, number: number): RowGroup {
  return present(rowGroups[number], 'a row group of the file');
}

/** Whether a row may have no id, or version, but what the log says of its file: that of another file says something else. */
function mayHoldNull({ columns }: RowGroup, name: string): boolean {
  return columns.some(({ path, statistics }) => path[0] === name && statistics?.nullCount !== 0n);
}

function columnOf(
  { columns }: ParquetFooter,
  name: string,
): ParquetFooter['columns'][number] | undefined {
  return columns.find((column) => column.name === name);
}

function hasColumn(footer: ParquetFooter, name: string): boolean {
  return columnOf(footer, name) !== undefined;
}
