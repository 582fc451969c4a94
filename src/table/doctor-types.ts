/** What a look at the health of a table comes to. */

import type { ErrorDetails } from '../base/index.ts';
import type { CommitFile, Listing } from '../log/index.ts';
import type { ObjectMeta } from '../store/index.ts';
import type { Snapshot, TableContext } from './types.ts';

/**
 * - `error`: rows are lost or wrong, or the table cannot be read or written as it should
 * - `warning`: it works, but costs more than it must, or may go wrong
 * - `note`: worth to know
 */
export type Severity = 'error' | 'warning' | 'note';

export interface Finding {
  /** Stable. */
  readonly code: string;
  readonly severity: Severity;
  /** What was found. */
  readonly message: string;
  /** What to do about it. */
  readonly cure: string;
  readonly details: ErrorDetails;
  /** What was done about it; null where nothing was, or nothing was to be. */
  readonly repair: Repair | null;
}

export interface Repair {
  readonly kind: 'done' | 'failed';
  /** What was done, or why it failed. */
  readonly text: string;
}

/** A finding before anything is done about it. */
export interface Found extends Omit<Finding, 'repair'> {
  /** Does what is safe, and says what it did. */
  readonly mend?: () => Promise<string>;
}

/**
 * How a version of a table becomes one: a file that is put where there is none (`local`, `memory`, `conditional-put`), an
 * entry of a DynamoDB table, or the word of a catalog.
 */
export type CommitWay = 'local' | 'memory' | 'conditional-put' | 'dynamodb' | 'catalog';

/** A program that committed, of the commits that are still in the log. */
export interface WriterSeen {
  /** What it calls itself (`engineInfo`), or `unknown`. */
  readonly engine: string;
  readonly commits: number;
  readonly lastVersion: number;
}

/** A file below the table that nothing in its log names. */
export interface Orphan {
  readonly path: string;
  readonly sizeBytes: number;
  /** Since it was written. */
  readonly ageMs: number;
}

export interface Examination {
  readonly table: string;
  /** The newest; null where the table cannot be opened. */
  readonly version: number | null;
  readonly commitWay: CommitWay;
  /** The last to have committed comes first. */
  readonly writers: readonly WriterSeen[];
  /** The gravest first. */
  readonly findings: readonly Finding[];
  /** The oldest first, and not all where there are very many: the finding `ORPHANS` counts them. */
  readonly orphans: readonly Orphan[];
}

/** A commit as far as the doctor keeps it. */
export interface CommitSeen {
  readonly file: CommitFile;
  readonly engine: string;
  /** `commitInfo.timestamp`, or null. */
  readonly toldMs: number | null;
  readonly inCommitMs: number | null;
}

/** What was read of a log, for all checks. */
export interface LogSeen {
  /** Its store finishes nothing by being looked at. */
  readonly ctx: TableContext;
  readonly nowMs: number;
  readonly listing: Listing;
  /** Every object of the log's folder, also of the folders in it. */
  readonly objects: readonly ObjectMeta[];
  /** Those that can be read. */
  readonly commits: readonly CommitSeen[];
  /** Keys of all files that commits and checkpoints name: what `pathKey` gives, or a key below the table. */
  readonly named: ReadonlySet<string>;
  /** Actions of each checkpoint that could be read whole, by its first file. */
  readonly sound: ReadonlyMap<string, number>;
  /** The newest version, where it can be opened. */
  readonly snapshot: Snapshot | null;
}
