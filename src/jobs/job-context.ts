/** What a run is given, and what it tells. */

import type { Clock, Random } from '../base/index.ts';
import type { Catalog } from '../catalog/index.ts';
import type { Engine } from '../engine/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { Checkpoint, FileSource } from '../stream/index.ts';
import type { TableContext } from '../table/index.ts';
import type { Job } from './config.ts';

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
}

export interface RunOptions {
  /**
   * Overrides the job's own: any file or row that is not taken is an error before its batch is committed. That includes
   * a file which cannot be read yet; nothing of it is remembered, so that a run once it is complete takes it.
   */
  readonly strict?: boolean;
  /** Stops between steps; the next run goes on where this one stopped. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface RunProgress {
  readonly step: 'prepare' | 'list' | 'probe' | 'read' | 'publish' | 'done';
  /** Null outside of a batch. */
  readonly batch: number | null;
  /** Files of the batch; of all that is new while listing. */
  readonly files: number;
  readonly bytes: number;
}

/** One run under way: the job, and everything it works on, opened. */
export interface Run {
  readonly job: Job;
  readonly context: JobContext;
  readonly strict: boolean;
  readonly signal: AbortSignal | undefined;
  readonly report: (progress: RunProgress) => void;
  readonly table: TableContext;
  /** Rooted at the source's prefix. */
  readonly samples: ObjectStore;
  /** Rooted at the job's folder of the rejected place. */
  readonly rejected: ObjectStore;
  readonly checkpoint: Checkpoint;
  readonly source: FileSource;
}

/** What a run did. Plain data. */
export interface RunResult {
  readonly job: string;
  readonly table: string;
  /** Batches finished, those of a run that was interrupted included. */
  readonly batches: number;
  /** Files whose rows were taken. */
  readonly files: number;
  readonly bytes: number;
  /** Rows read from those files. */
  readonly rowsIn: number;
  /** Rows left out because another with the same key came first, or is in the table. */
  readonly duplicates: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly rejectedFiles: number;
  readonly rejectedRows: number;
  /** Files that could not be read yet: the next run tries them again. */
  readonly deferredFiles: number;
  /** Where the rejected are listed, or null where there are none. */
  readonly rejectedLocation: string | null;
  /** The table's version after the run. */
  readonly version: number;
  readonly timeMs: number;
}

/** What one batch did to the table. */
export interface BatchCounts {
  readonly files: number;
  readonly bytes: number;
  readonly rowsIn: number;
  readonly duplicates: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly rejectedFiles: number;
  readonly rejectedRows: number;
  readonly deferredFiles: number;
}

export const NO_COUNTS: BatchCounts = {
  files: 0,
  bytes: 0,
  rowsIn: 0,
  duplicates: 0,
  inserted: 0,
  updated: 0,
  deleted: 0,
  rejectedFiles: 0,
  rejectedRows: 0,
  deferredFiles: 0,
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
    rejectedFiles: left.rejectedFiles + right.rejectedFiles,
    rejectedRows: left.rejectedRows + right.rejectedRows,
    deferredFiles: left.deferredFiles + right.deferredFiles,
  };
}
