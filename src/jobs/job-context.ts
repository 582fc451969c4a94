/** What a run is given, and what it tells. */

import type { Clock, Random } from '../base/index.ts';
import type { Catalog } from '../catalog/index.ts';
import type { Engine } from '../engine/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { Checkpoint } from '../stream/index.ts';
import type { TableContext } from '../table/index.ts';
import type { Config, Job, Secret, Trigger } from './job.ts';

/** The single things that a run uses. */
export interface JobContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens the store that is rooted at an absolute URI, as `StoreProvider.open`. */
  readonly openStore: (uri: string) => ObjectStore;
  readonly catalog: Catalog;
  /** Loads the relational engine at the first call; the same one afterwards. */
  readonly engine: () => Promise<Engine>;
  /** As of `TableContext`. */
  readonly resolve: TableContext['resolve'];
  /** The value of a secret. Default: those that stand in the configuration itself; a variable is `SECRET_MISSING`. */
  readonly secret?: (secret: Secret) => string | Promise<string>;
}

export interface RunOptions {
  /**
   * Overrides the job's own: any file or row that is not taken is an error before its batch is committed. That includes
   * a file which cannot be read yet; nothing of it is remembered, so that a run once it is complete takes it.
   */
  readonly strict?: boolean;
  /** Overrides the job's own. */
  readonly trigger?: Trigger;
  /** Stops between steps, with its reason as the error; the next run goes on where this one stopped. */
  readonly signal?: AbortSignal;
  /** Ends the run after the batch that is under way, without an error. */
  readonly stop?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
  readonly onBatch?: (report: BatchReport) => void;
}

export interface RunProgress {
  readonly step: 'prepare' | 'list' | 'probe' | 'read' | 'publish' | 'done';
  /** Null outside of a batch. */
  readonly batch: number | null;
  /** Files of the batch; of all that is new while listing. */
  readonly files: number;
  readonly bytes: number;
}

/** One batch, or one look that found nothing new. */
export interface BatchReport {
  readonly job: string;
  /** Null where nothing was new. */
  readonly batch: number | null;
  readonly counts: BatchCounts;
  /** What is left to be taken: files, or messages. */
  readonly backlog: number;
  readonly version: number | null;
  readonly timeMs: number;
}

/** One run under way: the job, and everything it works on, opened. */
export interface Run {
  /** With the trigger of this run. */
  readonly job: Job;
  readonly config: Config;
  readonly context: JobContext;
  readonly strict: boolean;
  readonly signal: AbortSignal | undefined;
  readonly report: (progress: RunProgress) => void;
  /** Rooted at the job's folder of the rejected place. */
  readonly rejected: ObjectStore;
  readonly checkpoint: Checkpoint;
}

/** What one batch did. */
export interface BatchCounts {
  /** Files whose rows were taken. */
  readonly files: number;
  /** Of those files, or of the values of messages. */
  readonly bytes: number;
  /** Rows or messages read. */
  readonly rowsIn: number;
  /** Rows left out because another with the same key came first, or is there already. */
  readonly duplicates: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Messages that went to a topic. */
  readonly posted: number;
  readonly rejectedFiles: number;
  readonly rejectedRows: number;
  /** Files that could not be read yet: they are tried again. */
  readonly deferredFiles: number;
  /** Messages that were gone before they were read. */
  readonly lostOffsets: number;
}

/** What a run did. Plain data. */
export interface RunResult extends BatchCounts {
  readonly job: string;
  /** What it wrote to: `db.table`, a folder or a topic. */
  readonly sink: string;
  /** Batches finished, those of a run that was interrupted included. */
  readonly batches: number;
  /** Where the rejected are listed, or null where there are none. */
  readonly rejectedLocation: string | null;
  /** The table's version after the run; null where there is no table, or none yet. */
  readonly version: number | null;
  /** What looks like a mistake: a source folder that does not exist, a table that others commit to in another way. */
  readonly warnings: readonly string[];
  readonly timeMs: number;
}

export const NO_COUNTS: BatchCounts = {
  files: 0,
  bytes: 0,
  rowsIn: 0,
  duplicates: 0,
  inserted: 0,
  updated: 0,
  deleted: 0,
  posted: 0,
  rejectedFiles: 0,
  rejectedRows: 0,
  deferredFiles: 0,
  lostOffsets: 0,
};

export function addCounts(left: BatchCounts, right: BatchCounts): BatchCounts {
  return {
    files: left.files + right.files,
    bytes: left.bytes + right.bytes,
    rowsIn: left.rowsIn + right.rowsIn,
    duplicates: left.duplicates + right.duplicates,
    inserted: left.inserted + right.inserted,
    updated: left.updated + right.updated,
    deleted: left.deleted + right.deleted,
    posted: left.posted + right.posted,
    rejectedFiles: left.rejectedFiles + right.rejectedFiles,
    rejectedRows: left.rejectedRows + right.rejectedRows,
    deferredFiles: left.deferredFiles + right.deferredFiles,
    lostOffsets: left.lostOffsets + right.lostOffsets,
  };
}

/** A table's context at `location`. */
export function tableAt(context: JobContext, location: string): TableContext {
  const { clock, random, engine, resolve, openStore } = context;
  return { store: openStore(location), clock, random, engine, resolve };
}
