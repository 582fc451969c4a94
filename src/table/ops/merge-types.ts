/** What a MERGE is asked to do, and what it did. */

import type { RecordBatch, Table } from 'apache-arrow';

import type { Codec } from '../../parquet/index.ts';
import type { Row, StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext, TxnStep } from '../types.ts';
import type { WriteOptions } from './append-commit.ts';
import type { EvolveOptions } from './evolve.ts';
import type { QueryOptions } from './query.ts';
import type { RowChangeMode } from './row-change-mode.ts';

export type MergeSource =
  /** `schema` says what the columns are; by default the table's, as far as the rows use them. */
  | { readonly rows: Iterable<Row> | AsyncIterable<Row>; readonly schema?: StructType }
  | { readonly arrow: Table | readonly RecordBatch[] }
  /** URIs of Parquet files. The columns of all of them, by name; null in the rows of a file that lacks one. */
  | { readonly parquet: readonly string[] }
  /** All rows of another table, or of an older version of this one. */
  | { readonly opened: OpenedTable }
  /** One SELECT in the engine's dialect, over the tables that `find` knows. */
  | { readonly query: QueryOptions & { readonly sql: string } };

export interface OpenedTable {
  readonly context: TableContext;
  readonly snapshot: Snapshot;
}

/** By column of the table, or in updates by a field inside one, with or without its alias: Spark's SQL over source and target. */
export type Assignments = Readonly<Record<string, string>>;

/** A row that a source row matches takes the first clause whose condition is true; without a condition it always is. */
export type MatchedClause = { readonly condition?: string } & (
  | {
      /** `*` takes every column of the table from the source column of that name. */
      readonly update: '*' | Assignments;
    }
  | { readonly delete: true }
);

/** A row of the table that no source row matches; conditions and values are over the table alone. */
export type NotMatchedBySourceClause = { readonly condition?: string } & (
  { readonly update: Assignments } | { readonly delete: true }
);

/** A source row that matches no row; columns that are not named become null, or what the table makes of them. */
export interface NotMatchedClause {
  readonly condition?: string;
  readonly insert: '*' | Assignments;
}

/**
 * With `evolve: 'add'`, columns and nested fields of the source that the table lacks are added to it: all of them where a
 * clause takes `*`, else those that a clause assigns by name. `*` then takes the columns that the source has, and of structs the
 * fields that it has; others stay as they are, and are null in new rows. A struct that is assigned by name has null in what it lacks.
 */
export interface MergeSpec extends WriteOptions, EvolveOptions {
  readonly source: MergeSource;
  /** Spark's SQL; where it is not true, null included, rows do not match. */
  readonly on: string;
  /** Default `t`. */
  readonly targetAlias?: string;
  /** Default `s`. */
  readonly sourceAlias?: string;
  readonly whenMatched?: readonly MatchedClause[];
  readonly whenNotMatched?: readonly NotMatchedClause[];
  /** With such clauses all files are looked into in which their conditions may be true, whatever the source holds. */
  readonly whenNotMatchedBySource?: readonly NotMatchedBySourceClause[];
  /**
   * Default: `deletion-vectors` where the table has `delta.enableDeletionVectors` and no symlink manifest, whose readers know
   * no vectors; else `copy-on-write`.
   */
  readonly mode?: RowChangeMode;
  /** Ceiling of the engine's memory, in bytes or as a text such as `512mb`; what is beyond it goes to disk. Default 512 MiB. */
  readonly maxMemory?: number | string;
  /** Of the files written. Default: the table's, or snappy. */
  readonly codec?: Codec;
  /** Where files that are written are cut, in bytes of input. Default 128 MiB. */
  readonly targetFileSizeBytes?: number;
  /** Progress that the commit moves, as in `TransactionSpec`; also where no row changes. Default none. */
  readonly steps?: readonly TxnStep[];
}

export interface MergeResult {
  /**
   * `applied`: the table had this `txn` already; `stale`: one of the `steps` did not begin where the table's progress
   * stands, and nothing was committed; `unchanged`: no row changed.
   */
  readonly kind: 'committed' | 'applied' | 'stale' | 'unchanged';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  /** As in `CommitOutcome`: the commit stands. */
  readonly postCommitErrors: readonly Error[];
  readonly sourceRowCount: number;
  readonly insertedCount: number;
  /** Rows of rewritten files to which an update was applied; files in which nothing would change are not rewritten. */
  readonly updatedCount: number;
  readonly deletedCount: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  /** Files that stay, with a vector that hides the rows that changed. */
  readonly filesHidden: number;
  /** Files of changed rows. */
  readonly changeFilesAdded: number;
  /** Of the files added. */
  readonly sizeBytes: number;
}

/** What a merge would do, as far as the files go; nothing is written. */
export interface MergeExplanation {
  /** Of the table that was looked at. */
  readonly version: number;
  /** Of the table; those that are not in `files` are not opened. */
  readonly fileCount: number;
  /** The files that a clause may be for, by partition and key. */
  readonly files: readonly ExplainedFile[];
}

export interface ExplainedFile {
  /** As the log spells it. */
  readonly path: string;
  readonly sizeBytes: number;
  /** `read`: it is looked into, and stays as it is; `rewrite`: it is replaced; `vector`: it stays, and rows of it are hidden. */
  readonly action: 'read' | 'rewrite' | 'vector';
  /** Rows to which a clause applies; 0 where the file stays. */
  readonly updatedCount: number;
  readonly deletedCount: number;
}
