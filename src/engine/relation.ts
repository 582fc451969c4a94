/**
 * Data files as the table sees them: one SELECT over local Parquet files whose columns have the table's names, order and
 * types, whatever the files spell them. PROTOCOL.md, "Column mapping" and "Type widening".
 */

import { present } from '../base/index.ts';
import type { ParquetNode } from '../parquet/index.ts';
import {
  BINARY,
  type MappingMode,
  type Scalar,
  type StructField,
  type StructType,
  typesEqual,
} from '../schema/index.ts';
import { duckType } from './duck-type.ts';
import { matchField } from './field-match.ts';
import { convertNode, readType } from './file-types.ts';
import { IS_NOT_HIDDEN, joinHiddenRows } from './hidden-rows.ts';
import { blobLiteral, fileList, identifier } from './quote.ts';
import { Binder, constantSql } from './typed.ts';

export interface RelationFile {
  /** Local path of the file, or of what was staged for it. */
  readonly localPath: string;
  /** Top-level columns of its footer. */
  readonly columns: readonly ParquetNode[];
  /** By the column's name in the schema: of partition columns, and of columns that the file lacks. A missing one is null. */
  readonly partitionValues: ReadonlyMap<string, Scalar | null>;
  /**
   * Rows that are left out, a bit for each row of the file, the first row's being the highest of the first byte.
   * Default: none.
   */
  readonly deletedRows?: Uint8Array | null;
  /** A file of as many rows, in the same order, that has some of the columns in another form. Default: none. */
  readonly beside?: { readonly localPath: string; readonly columns: readonly string[] } | null;
  /** Needed where `rowIds` are asked for: of rows for which the file itself holds none. */
  readonly rowIds?: RowIdDefaults;
}

/** PROTOCOL.md, "Row IDs" and "Row Commit Versions". */
export interface RowIdDefaults {
  /** The id of the first row of the file as it stands; each further row has the next one. */
  readonly firstId: bigint | number;
  readonly commitVersion: bigint | number;
}

/** The columns in which files may hold ids and commit versions of rows that came from other files; BIGINT. */
export interface RowIdColumns {
  readonly id: StructField;
  readonly commitVersion: StructField;
}

export interface RelationOptions {
  /** The columns of the result, in order: fields of the table's schema. */
  readonly schema: StructType;
  /** Names of fields whose values come from `partitionValues`, never from the file. */
  readonly partitionColumns: readonly string[];
  /** How fields find their column in a file; `delta.columnMapping.mode`. */
  readonly mapping: MappingMode;
  /** Name for a BIGINT column with the file's place in `files`. */
  readonly fileIndex?: string;
  /** Name for a BIGINT column with the row's place in its file, deleted rows counted. */
  readonly rowNumber?: string;
  /** Asks for each row's id and commit version, behind the fields of the schema and never null. Default: for none. */
  readonly rowIds?: RowIdColumns | null;
  /** A table of `HiddenRows` with rows to leave out beside those that files name themselves. Default: none. */
  readonly hiddenRows?: string;
  /**
   * Whether rows may come in any order: all files of one layout share a scan then, unless each is told by its place. Default:
   * false.
   */
  readonly inAnyOrder?: boolean;
  /**
   * Whether the rows are to be sorted: what several scans give is gathered first, and spilled where it is much. Default: false.
   * The engine keeps all rows in memory that it sorts from several scans, and spills those from one.
   */
  readonly isSorted?: boolean;
}

/**
 * The SELECT for some files. Rows come in the order of the files and of the rows in them. Neighbouring files of one
 * layout share a scan. Without files, it has the columns and no rows.
 * Errors: `ENGINE_FILE_TYPE` (data) where a column cannot be read as its field's type.
 */
export function relationSql(files: readonly RelationFile[], options: RelationOptions): string {
  if (files.length === 0) return emptyRelation(options);
  const selects: string[] = [];
  for (const run of runsOfOneLayout(files, options)) selects.push(selectOf(run, options));
  const rows = selects.join(' UNION ALL ');
  const isGathered = options.isSorted === true && selects.length > 1;
  return isGathered ? `WITH gathered AS MATERIALIZED (${rows}) SELECT * FROM gathered` : rows;
}

/** Files that one scan can read: neighbours with equal columns and partition values. */
interface FileRun {
  readonly first: RelationFile;
  readonly firstIndex: number;
  readonly files: RelationFile[];
  readonly layout: string;
}

function runsOfOneLayout(
  files: readonly RelationFile[],
  options: RelationOptions,
): readonly FileRun[] {
  const { inAnyOrder = false, fileIndex, hiddenRows } = options;
  const isGrouped = inAnyOrder && fileIndex === undefined && hiddenRows === undefined;
  const runs: FileRun[] = [];
  for (const [index, file] of files.entries()) {
    const layout = layoutOf(file, options);
    const takesFile = (run: FileRun): boolean =>
      run.layout === layout && isAlone(run.first) && isAlone(file);
    const run = isGrouped ? runs.find(takesFile) : runs.slice(-1).find(takesFile);
    if (run === undefined) runs.push({ first: file, firstIndex: index, files: [file], layout });
    else run.files.push(file);
  }
  return runs;
}

/** The text that two files share exactly when one SELECT list suits both. */
function layoutOf(file: RelationFile, options: RelationOptions): string {
  const types = file.columns.map((node) => `${identifier(node.name)} ${readType(node) ?? ''}`);
  return `${types.join(', ')} / ${selectList(file, options).join(', ')}`;
}

function selectOf(run: FileRun, options: RelationOptions): string {
  const list = [...selectList(run.first, options), ...rowIdList(run, options)];
  const index = run.files.length === 1 ? '' : ' + file_index';
  const file = `CAST(${String(run.firstIndex)}${index} AS BIGINT)`;
  if (options.fileIndex !== undefined) {
    list.push(`${file} AS ${identifier(options.fileIndex)}`);
  }
  if (options.rowNumber !== undefined) {
    list.push(`CAST(file_row_number AS BIGINT) AS ${identifier(options.rowNumber)}`);
  }
  if (list.length === 0) list.push('NULL AS "no columns"');
  const { hiddenRows } = options;
  const { deletedRows = null } = run.first;
  const conditions = [
    ...(deletedRows === null ? [] : [survivesSql(deletedRows)]),
    ...(hiddenRows === undefined ? [] : [IS_NOT_HIDDEN]),
  ];
  const join = hiddenRows === undefined ? '' : joinHiddenRows(hiddenRows, file);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${list.join(', ')} FROM ${sourceOf(run)}${join}${where}`;
}

function sourceOf({ first, files }: FileRun): string {
  const source = scanOf(
    files.map(({ localPath }) => localPath),
    first.columns.map(({ name }) => name),
  );
  const beside = first.beside ?? null;
  if (beside === null) return source;
  const replaced = beside.columns.map(scanned).join(', ');
  const rest = `SELECT * EXCLUDE (${replaced}), file_row_number FROM ${source}`;
  return `(${rest}) POSITIONAL JOIN (SELECT * FROM ${scanOf([beside.localPath], beside.columns)})`;
}

/**
 * A scan of files with these columns, all that they have, in order. Many writers pass over a NaN in a chunk's bounds, by
 * which the engine would pass over its row, though NaN is greater than all.
 */
function scanOf(paths: readonly string[], columns: readonly string[]): string {
  const scan =
    `read_parquet(${fileList(paths)}, ` +
    'hive_partitioning = false, union_by_name = false, binary_as_string = false, can_have_nan = true)';
  return columns.some(isPlace) ? `${scan} AS scan(${columns.map(scanned).join(', ')})` : scan;
}

/** What the engine calls the places of rows that it scans, unless a file has a column of that name. */
const PLACES: ReadonlySet<string> = new Set(['file_row_number', 'file_index']);

function isPlace(name: string): boolean {
  return PLACES.has(name.toLowerCase());
}

/** A file's column in a scan, where it leaves their names to the places. */
function scanned(name: string): string {
  return identifier(isPlace(name) ? `${name} of the file` : name);
}

/** Whether a scan of the file may read others too. */
function isAlone({ deletedRows, beside }: RelationFile): boolean {
  return (deletedRows ?? null) === null && (beside ?? null) === null;
}

/** A list is looked up faster where it is short, and takes less text than bits where few of many rows are in it. */
const LISTED_ROWS_MAX = 64;

/** The condition that leaves out what is deleted. */
function survivesSql(deletedRows: Uint8Array): string {
  const listed = rowsOf(deletedRows);
  return listed === null
    ? `get_bit(CAST(${blobLiteral(deletedRows)} AS BIT), CAST(file_row_number AS INTEGER)) = 0`
    : `file_row_number NOT IN (${listed.join(', ')})`;
}

/** The rows whose bits are set; null where they are too many for a list. */
function rowsOf(bits: Uint8Array): readonly number[] | null {
  const rows: number[] = [];
  for (const [index, byte] of bits.entries()) {
    if (byte === 0) continue;
    for (let bit = 0; bit < 8; bit += 1) {
      if ((byte & (128 >> bit)) !== 0) rows.push(index * 8 + bit);
    }
    if (rows.length > LISTED_ROWS_MAX) return null;
  }
  return rows;
}

function selectList(file: RelationFile, options: RelationOptions): readonly string[] {
  const partitions = new Set(options.partitionColumns);
  return options.schema.fields.map((field) => {
    const sql = partitions.has(field.name)
      ? constantOf(field, file)
      : columnSql(field, file, options.mapping);
    return `${sql} AS ${identifier(field.name)}`;
  });
}

function rowIdList({ first, files }: FileRun, options: RelationOptions): readonly string[] {
  const { rowIds = null, mapping } = options;
  if (rowIds === null) return [];
  const defaults = files.map((file) => present(file.rowIds, 'the row ids of a file'));
  const firstId = ofEachFile(defaults.map((file) => file.firstId));
  const commitVersion = ofEachFile(defaults.map((file) => file.commitVersion));
  const own = (field: StructField, otherwise: string): string =>
    `coalesce(${columnSql(field, first, mapping)}, ${otherwise}) AS ${identifier(field.name)}`;
  return [own(rowIds.id, `${firstId} + file_row_number`), own(rowIds.commitVersion, commitVersion)];
}

/** The value of the file that a row is in, of the files of one scan. */
function ofEachFile(values: readonly (bigint | number)[]): string {
  const list = values.join(', ');
  if (values.length === 1) return `CAST(${list} AS BIGINT)`;
  return `CAST([${list}] AS BIGINT[])[CAST(file_index AS BIGINT) + 1]`;
}

function columnSql(field: StructField, file: RelationFile, mapping: MappingMode): string {
  const node = matchField(field, file.columns, mapping);
  if (node === null) return constantOf(field, file);
  const sql = convertNode(scanned(node.name), node, field.type, {
    mapping,
    binder: new Binder(),
    path: field.name,
  });
  return typesEqual(field.type, BINARY) ? unasked(sql) : sql;
}

/**
 * A column of bytes whose Bloom filter is not asked: the engine looks there for how a value is written out, not for its bytes,
 * and passes over the rows that are equal to it, also in a join. What is no plain column is compared row by row.
 */
function unasked(column: string): string {
  return `CASE WHEN ${column} IS NOT NULL THEN ${column} END`;
}

function constantOf({ name, type }: StructField, { partitionValues }: RelationFile): string {
  return constantSql(partitionValues.get(name) ?? null, type);
}

function emptyRelation({ schema, rowIds, fileIndex, rowNumber }: RelationOptions): string {
  const list = schema.fields.map(
    (field) => `CAST(NULL AS ${duckType(field.type)}) AS ${identifier(field.name)}`,
  );
  for (const name of [rowIds?.id.name, rowIds?.commitVersion.name, fileIndex, rowNumber]) {
    if (name !== undefined) list.push(`CAST(NULL AS BIGINT) AS ${identifier(name)}`);
  }
  if (list.length === 0) list.push('NULL AS "no columns"');
  return `SELECT ${list.join(', ')} WHERE FALSE`;
}
