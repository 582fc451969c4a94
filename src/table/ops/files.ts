/** The live files of a table: where they are, what is in them, and which of them a condition concerns. */

import type { AddFile } from '../../log/index.ts';
import {
  type Expression,
  type FileStatistics,
  columnsRead,
  findField,
  fromScalar,
  mayMatch,
  parseExpression,
  parsePartitionValue,
  parseStatistics,
  resolveColumns,
  type Row,
  type Scalar,
  type StructType,
} from '../../schema/index.ts';
import type { Snapshot } from '../types.ts';

/** A live file with what the log says of it, typed. */
export interface LiveFile {
  readonly add: AddFile;
  /** By partition column, as the schema spells it. */
  readonly partition: ReadonlyMap<string, Scalar | null>;
  /** Null where the log has none that can be read. */
  readonly statistics: FileStatistics | null;
}

/** A live file for people. */
export interface FileEntry {
  /** As it stands in the log. */
  readonly path: string;
  readonly partition: Row;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Null where the log does not say. */
  readonly rowCount: number | null;
  readonly statistics: FileStatistics | null;
}

export interface ListFilesOptions {
  /** Spark's SQL: only files that may hold a row for which it is true. Default: all files. */
  readonly where?: string | Expression;
}

/**
 * The live files of a snapshot, in no promised order. Nothing is read but the snapshot.
 * Errors: those of parsing `where`, `EXPRESSION_NO_COLUMN`, and `SCHEMA_PARTITION_VALUE` (data).
 */
export function* listFiles(
  snapshot: Snapshot,
  options: ListFilesOptions = {},
): Iterable<FileEntry> {
  const condition = asExpression(options.where);
  // A column that is not there would rule out no file, and look like an answer.
  const where = condition === null ? null : resolveColumns(condition, snapshot.schema);
  for (const file of liveFiles(snapshot, { where, statistics: snapshot.schema })) {
    const { add, partition, statistics } = file;
    yield {
      path: add.path,
      partition: Object.fromEntries(
        [...partition].map(([name, value]) => {
          const field = findField(snapshot.schema, name);
          return [name, field === null ? null : fromScalar(value, field.type)];
        }),
      ),
      sizeBytes: add.size,
      modifiedMs: add.modificationTime,
      rowCount: statistics?.rowCount ?? null,
      statistics,
    };
  }
}

export interface LiveFilesOptions {
  readonly where: Expression | null;
  /** The columns whose statistics are wanted; those that the condition reads come with them. */
  readonly statistics: StructType;
}

/**
 * The files that may hold rows for which `where` is true, by partition values and statistics. A file is left out only
 * when it is proved to have none.
 */
export function* liveFiles(snapshot: Snapshot, options: LiveFilesOptions): Iterable<LiveFile> {
  const { schema } = snapshot;
  const partitionFields = snapshot.partitionColumns.flatMap(
    (name) => findField(schema, name) ?? [],
  );
  const judged = options.where === null ? [] : columnsRead(options.where, schema).fields;
  const known = {
    ...schema,
    fields: [...new Set([...options.statistics.fields, ...judged])],
  };
  for (const add of snapshot.files()) {
    const statistics = parseStatistics(add.stats, known);
    const partitionValues = Object.fromEntries(
      partitionFields.map(({ name }) => [name, partitionText(add, name)]),
    );
    const facts = { schema, partitionValues, statistics };
    if (options.where !== null && !mayMatch(options.where, facts)) continue;
    const partition = new Map(
      partitionFields.map(({ name, type }) => [
        name,
        parsePartitionValue(partitionValues[name] ?? null, type),
      ]),
    );
    yield { add, partition, statistics };
  }
}

/** The condition as a tree, whichever way it was given; null for none. */
export function asExpression(where: string | Expression | undefined): Expression | null {
  if (where === undefined) return null;
  return typeof where === 'string' ? parseExpression(where) : where;
}

/** Some writers spell the keys of partition values with another case than the schema. */
function partitionText(add: AddFile, column: string): string | null {
  const exact = add.partitionValues[column];
  if (exact !== undefined) return exact;
  const folded = column.toLowerCase();
  const key = Object.keys(add.partitionValues).find((name) => name.toLowerCase() === folded);
  return key === undefined ? null : (add.partitionValues[key] ?? null);
}
