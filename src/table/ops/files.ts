/** The live files of a table: where they are, what is in them, and which of them a condition concerns. */

import type { AddFile, PartitionValues } from '../../log/index.ts';
import {
  type Expression,
  type FileFacts,
  type FileStatistics,
  columnsRead,
  conjunctsOf,
  findField,
  fromScalar,
  mayMatch,
  parseExpression,
  parsePartitionValue,
  parseStatistics,
  physicalName,
  resolveColumns,
  type Row,
  type Scalar,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import type { Snapshot } from '../types.ts';
import { withTime } from './statement-time.ts';

/** A live file with what the log says of it, typed. */
export interface LiveFile {
  readonly add: AddFile;
  /** By partition column, as the schema spells it. */
  readonly partition: ReadonlyMap<string, Scalar | null>;
  /** Null where the log has none that can be read, or none were wanted. */
  readonly statistics: FileStatistics | null;
}

/** A live file for people. */
export interface FileEntry {
  /** As it stands in the log. */
  readonly path: string;
  readonly partition: Row;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Without those that a deletion vector hides. Null where the log does not say. */
  readonly rowCount: number | null;
  /** Rows that a deletion vector hides. */
  readonly deletedCount: number;
  /** Of all rows, deleted ones included. */
  readonly statistics: FileStatistics | null;
}

export interface ListFilesOptions {
  /** Spark's SQL: only files that may hold a row for which it is true. Default: all files. */
  readonly where?: string | Expression;
  /** False leaves out statistics and row counts, and the work of reading them. Default true. */
  readonly statistics?: boolean;
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
  const hasStatistics = options.statistics ?? true;
  const wanted = {
    where,
    statistics: hasStatistics ? snapshot.schema : null,
    withoutStats: !hasStatistics,
  };
  for (const file of liveFiles(snapshot, wanted)) {
    const { add, partition } = file;
    const statistics = hasStatistics ? file.statistics : null;
    const deletedCount = add.deletionVector?.cardinality ?? 0;
    const physical = statistics?.rowCount ?? null;
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
      rowCount: physical === null ? null : physical - deletedCount,
      deletedCount,
      statistics,
    };
  }
}

export interface LiveFilesOptions {
  readonly where: Expression | null;
  /** The columns whose statistics are wanted, or null for none; those that the condition reads may come with them. */
  readonly statistics: StructType | null;
  /** True where `add.stats` is not wanted either: it is there only where the condition reads it. */
  readonly withoutStats?: boolean;
  /** Those to choose from. Default: all live files. */
  readonly files?: Iterable<AddFile>;
}

/**
 * The files that may hold rows for which `where` is true, by partition values and statistics. A file is left out only
 * when it is proved to have none.
 */
export function* liveFiles(snapshot: Snapshot, options: LiveFilesOptions): Iterable<LiveFile> {
  const { schema } = snapshot;
  const { where } = options;
  const fields = partitionFields(snapshot);
  const judged = where === null ? [] : columnsRead(where, schema).fields;
  const data = judged.filter(({ name }) => !snapshot.partitionColumns.includes(name));
  const wanted = options.statistics?.fields ?? [];
  const known = { ...schema, fields: [...new Set([...wanted, ...data])] };
  const isWanted = options.statistics !== null || data.length > 0;
  const judge = partitionJudge(snapshot, where, fields);
  const files =
    options.files ??
    snapshot.files({
      partition: (values) => judge(values).mayMatch,
      statistics: isWanted || options.withoutStats !== true,
    });
  for (const add of files) {
    const judgement = judge(add.partitionValues);
    // By the partition first: to read statistics costs far more, and most files need not come to it.
    if (!judgement.mayMatch) continue;
    const { partitionValues, partition } = judgement;
    const statistics = isWanted ? parseStatistics(add.stats, known) : null;
    if (where !== null && statistics !== null) {
      if (!mayMatch(where, { schema, partitionValues, statistics })) continue;
    }
    yield { add, partition: partition(), statistics };
  }
}

interface PartitionJudgement {
  readonly mayMatch: boolean;
  /** By the names of the schema. */
  readonly partitionValues: PartitionValues;
  /** Errors: `SCHEMA_PARTITION_VALUE`. */
  readonly partition: () => ReadonlyMap<string, Scalar | null>;
}

/** Judges partition values once, as many files have the same ones in one object. */
function partitionJudge(
  { schema }: Snapshot,
  where: Expression | null,
  fields: readonly StructField[],
): (values: PartitionValues) => PartitionJudgement {
  const known = new WeakMap<PartitionValues, PartitionJudgement>();
  const terms = where === null ? [] : conjunctsOf(where).map((term) => termOf(term, schema));
  return (values) => {
    const held = known.get(values);
    if (held !== undefined) return held;
    const partitionValues = partitionValuesOf({ partitionValues: values }, fields);
    const facts = { schema, partitionValues, statistics: null };
    let parsed: ReadonlyMap<string, Scalar | null> | null = null;
    const judgement = {
      mayMatch: terms.every((term) => term(facts)),
      partitionValues,
      partition: () =>
        (parsed ??= new Map(
          fields.map(({ name, type }) => [
            name,
            parsePartitionValue(partitionValues[name] ?? null, type),
          ]),
        )),
    };
    known.set(values, judgement);
    return judgement;
  };
}

/** What a term of a condition says of a partition: asked once for each value where it reads one column alone. */
function termOf(term: Expression, schema: StructType): (facts: FileFacts) => boolean {
  const [column, ...others] = columnsRead(term, schema).fields;
  if (column === undefined || others.length > 0) return (facts) => mayMatch(term, facts);
  const known = new Map<string | null | undefined, boolean>();
  return (facts) => {
    const value = facts.partitionValues[column.name];
    let may = known.get(value);
    if (may === undefined) known.set(value, (may = mayMatch(term, facts)));
    return may;
  };
}

/** The condition as a tree, whichever way it was given; null for none. It may ask for the time where that is given. */
export function asExpression(
  where: string | Expression | undefined,
  nowMs?: number,
): Expression | null {
  if (where === undefined) return null;
  const condition = typeof where === 'string' ? parseExpression(where) : where;
  return nowMs === undefined ? condition : withTime(condition, nowMs);
}

/** The fields of the partition columns, in the order of those. */
export function partitionFields({
  schema,
  partitionColumns,
}: Pick<Snapshot, 'schema' | 'partitionColumns'>): readonly StructField[] {
  return partitionColumns.flatMap((name) => findField(schema, name) ?? []);
}

/** The partition values of a file as the log has them, by the names of the schema. */
export function partitionValuesOf(
  add: Pick<AddFile, 'partitionValues'>,
  fields: readonly StructField[],
): PartitionValues {
  return Object.fromEntries(
    fields.map((field) => [field.name, partitionText(add, physicalName(field))]),
  );
}

/** Some writers spell the keys of partition values with another case than the schema. */
function partitionText(add: Pick<AddFile, 'partitionValues'>, column: string): string | null {
  const exact = add.partitionValues[column];
  if (exact !== undefined) return exact;
  const folded = column.toLowerCase();
  const key = Object.keys(add.partitionValues).find((name) => name.toLowerCase() === folded);
  return key === undefined ? null : (add.partitionValues[key] ?? null);
}
