/** What a table is to the code above the log: snapshots, transactions, and what they need to run. */

import type { Clock, DeltaError, Random } from '../base/index.ts';
import type { Engine } from '../engine/index.ts';
import type {
  Action,
  AddFile,
  CommitInfo,
  FileSelection,
  IsolationLevel,
  Metadata,
  Protocol,
  WriteScope,
} from '../log/index.ts';
import type { Expression, StructType } from '../schema/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { CommitSource } from './commit-source.ts';

/** The single things that every operation on a table uses. */
export interface TableContext {
  /** Rooted at the table. */
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Loads the relational engine at the first call; the same one afterwards. */
  readonly engine: () => Promise<Engine>;
  /** Opens the store of an absolute URI (a source file, a file of a clone): root and path below it. */
  readonly resolve: (
    uri: string,
  ) => Promise<{ readonly store: ObjectStore; readonly path: string }>;
  /** Asked for the newest commits, of a table that a catalog manages. */
  readonly commitSource?: CommitSource;
  /** Of all transactions that do not say otherwise. Default: what the table says. */
  readonly isolation?: IsolationLevel;
  /** Where appends wait for one another, to leave as one commit. Default: each is a commit. */
  readonly commitGroup?: CommitGroup;
}

/** Takes transactions that can share a commit with others; each has an outcome of its own, as from `commitTransaction`. */
export interface CommitGroup {
  readonly commit: (snapshot: Snapshot, spec: TransactionSpec) => Promise<CommitOutcome>;
}

/** One version of a table. Never changes; a refresh makes a new one. */
export interface Snapshot {
  readonly version: number;
  /** Of the commit, in milliseconds: monotone over versions. */
  readonly timestampMs: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: StructType;
  /** As the schema spells them. */
  readonly partitionColumns: readonly string[];
  readonly fileCount: number;
  readonly sizeBytes: number;
  /** The live files, or those of some partitions, in no promised order. Errors of the kind `data` where a checkpoint is broken. */
  files(selection?: FileSelection): Iterable<AddFile>;
  /** The live file with this path as it stands in the log, or null. */
  file(path: string): AddFile | null;
  /** The last version that this application committed, or null. Rounded beyond 2^53, where others may count to. */
  txnVersion(appId: string): number | null;
}

/** What a transaction has read: what a winner's changes are held against. */
export type ReadSet =
  /** Nothing: a blind append, which no other commit but a change of metadata or protocol disturbs. */
  | { readonly kind: 'nothing' }
  /** The whole table. */
  | { readonly kind: 'table' }
  /** The rows that `predicate` selects, found in `paths` (log spelling); null selects all. */
  | {
      readonly kind: 'rows';
      readonly predicate: Expression | null;
      readonly paths: ReadonlySet<string>;
    };

/** An application's progress, moved on from where it is known to stand. */
export interface TxnStep {
  readonly appId: string;
  /** Where it stands after the commit. */
  readonly version: number;
  /** Where it stands before: null where the table has none of it yet. */
  readonly expected: number | null;
}

export interface TransactionSpec {
  /** `WRITE`, `MERGE`, `CREATE TABLE`, …: Spark's names, as `history` shows them. */
  readonly operation: string;
  readonly operationParameters?: Readonly<Record<string, string>>;
  readonly operationMetrics?: Readonly<Record<string, string>>;
  /** Further members of `commitInfo`. */
  readonly commitInfo?: CommitInfo;
  readonly actions: readonly Action[];
  readonly reads: ReadSet;
  /**
   * Whether rows that come to other files have their ids with them where row tracking is enabled; a commit that moves rows and
   * does not say so is refused there. Default false.
   */
  readonly keepsRowIds?: boolean;
  /** By what features refuse commits. Default: what the actions do; less where their rows were held to all rules before. */
  readonly scope?: WriteScope;
  /** Default: the context's, or what `delta.isolationLevel` says, or `Serializable`. */
  readonly isolation?: IsolationLevel;
  /** Idempotence: a table that holds this version or a later one of `appId` already has the transaction. */
  readonly txn?: { readonly appId: string; readonly version: number };
  /**
   * All are taken, with the actions, or nothing is: where one does not stand as expected, on the snapshot or after the
   * winners, the outcome is a conflict with the code `CONFLICT_PROGRESS`.
   */
  readonly steps?: readonly TxnStep[];
  /**
   * Called once before each try at a version whose table has moved since `actions` were made, when the winners do not
   * conflict by the log's rules: looks at what they added and says what is to be committed now.
   */
  readonly rebase?: (winners: Winners) => Promise<RebaseDecision>;
  readonly signal?: AbortSignal;
}

/** Everything committed since the transaction's snapshot, taken together. */
export interface Winners {
  readonly latest: Snapshot;
  readonly versions: readonly number[];
  readonly added: readonly AddFile[];
  readonly removed: readonly string[];
}

export type RebaseDecision =
  | { readonly kind: 'keep' }
  | { readonly kind: 'replace'; readonly actions: readonly Action[] }
  /** The work must be computed again on `winners.latest`. */
  | { readonly kind: 'conflict'; readonly reason: string };

export type CommitOutcome =
  | {
      readonly kind: 'committed';
      readonly version: number;
      readonly snapshot: Snapshot;
      /** Steps after the commit that failed (checkpoint, manifest); the commit stands. */
      readonly postCommitErrors: readonly Error[];
    }
  /** The table has this `txn` already: nothing was written. */
  | { readonly kind: 'applied'; readonly version: number; readonly snapshot: Snapshot }
  /** A winner touched what was read: nothing was written; compute again on a fresh snapshot. */
  | {
      readonly kind: 'conflict';
      readonly code: string;
      readonly reason: string;
      /** The same for whoever gives up: the winner's version and operation, what is at stake, what to do. */
      readonly error: DeltaError;
    };
