/** What `DeltaTable` takes and answers. */

import type { IsolationLevel } from '../log/index.ts';
import type { StructType } from '../schema/index.ts';
import type { NewColumn } from './columns.ts';
import type { CommitSource } from './commit-source.ts';
import type { CreateSpec } from './create.ts';
import type { GroupCommitOptions } from './group-commit.ts';
import type { CloneResult } from './ops/clone.ts';
import type { CopyIntoResult } from './ops/copy-into.ts';
import type { EraseResult } from './ops/erase-report.ts';
import type { FileEntry } from './ops/files.ts';
import type { RestoreOptions, RestoreResult } from './ops/restore.ts';
import type { FileChange } from './ops/row-changes.ts';
import type { RowChangeMode } from './ops/row-change-mode.ts';
import type { VacuumResult } from './ops/vacuum.ts';

/** At most one of the two; neither means the newest version. A table opened in the past is read-only. */
export interface TravelOptions {
  readonly version?: number;
  /** The last version committed by then: a `Date`, or ISO 8601 text, UTC where it names no zone. */
  readonly timestamp?: Date | string;
}

export interface OpenTableOptions extends TravelOptions {
  /** Of a table that a catalog manages: where its newest commits are known. Such a table is read-only. */
  readonly commitSource?: CommitSource;
  /**
   * How much of what others committed meanwhile a write must have seen; `WriteSerializable` lets merges pass where others
   * only appended. Default: what `delta.isolationLevel` says, or `Serializable`.
   */
  readonly isolation?: IsolationLevel;
  /** Appends that come while another one is being committed leave as one commit. Default false: each is a commit. */
  readonly groupCommit?: boolean | GroupCommitOptions;
}

export interface CreateTableSpec extends Omit<CreateSpec, 'schema'> {
  /** Columns as in CREATE TABLE, `id bigint not null, nome string`, or the type itself. */
  readonly schema: string | StructType;
}

export interface TableFile extends FileEntry {
  /** Where the file is, decoded. */
  readonly uri: string;
}

export interface ManifestResult {
  readonly version: number;
  /** Manifests that were written; none where they were current. */
  readonly written: number;
}

export interface NewColumnSpec extends Omit<NewColumn, 'type'> {
  /** As in CREATE TABLE: `decimal(10,2)`. Nullable at every level. */
  readonly type: string;
}

export interface AlterOutcome {
  /** `unchanged`: the table was so already. */
  readonly kind: 'committed' | 'unchanged';
  /** Of the table now. */
  readonly version: number;
  /** As in `AppendOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

export interface AppendOutcome {
  /** `applied`: the table had this `txn` already; `unchanged`: there was nothing to append. */
  readonly kind: 'committed' | 'applied' | 'unchanged';
  /** Of the table now. */
  readonly version: number;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Steps after the commit that failed (checkpoint, manifest); the commit stands. */
  readonly postCommitErrors: readonly Error[];
}

export interface OverwriteOutcome extends AppendOutcome {
  /** Files that went, some of whose rows may be in new ones. */
  readonly filesRemoved: number;
}

export interface MergeOutcome {
  /** `applied`: the table had this `txn` already; `unchanged`: no row changed. */
  readonly kind: 'committed' | 'applied' | 'unchanged';
  /** Of the table now. */
  readonly version: number;
  /** Rows. */
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  /** Files that stay, with a vector that hides the rows that changed. */
  readonly filesHidden: number;
  /** As in `AppendOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

export interface OptimizeOutcome {
  /** `unchanged`: there was nothing to pack; `planned`: a dry run, with what would be done. */
  readonly kind: 'committed' | 'unchanged' | 'planned';
  /** Of the table now. */
  readonly version: number;
  readonly commits: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  /** 0 for a dry run, which cannot know. */
  readonly bytesAdded: number;
  readonly bytesRemoved: number;
  /** New files given up because other writers kept on taking what was to be packed; another call goes on from there. */
  readonly binsLost: number;
  /** As in `AppendOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

export interface RowChangeOutcome {
  /** `applied`: the table had this `txn` already; `unchanged`: no row was selected; `planned`: a dry run. */
  readonly kind: 'committed' | 'applied' | 'unchanged' | 'planned';
  /** Of the table now. */
  readonly version: number;
  readonly mode: RowChangeMode;
  /** Rows that were updated or deleted, or would be. */
  readonly rows: number;
  /** Files with such rows, and what becomes of them. */
  readonly files: readonly FileChange[];
  /** 0 for a dry run, which cannot know. */
  readonly filesAdded: number;
  /** Files for the change data feed. */
  readonly changeFilesAdded: number;
  /** As in `AppendOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

/** At most one of `version` and `timestamp`, and one of them. */
export interface RestoreTableOptions
  extends TravelOptions, Pick<RestoreOptions, 'ignoreMissing' | 'signal'> {}

type Outcome<T> = Omit<T, 'snapshot'> & {
  /** Of the table now. */
  readonly version: number;
};

export type CopyIntoOutcome = Outcome<CopyIntoResult>;
export type EraseOutcome = Outcome<EraseResult>;
export type VacuumOutcome = Outcome<VacuumResult>;
export type RestoreOutcome = Outcome<RestoreResult>;
export type CloneOutcome = Outcome<CloneResult>;
