/** What a run asks of a source: the ends of batches, and the rows between two of them. */

import type { BatchOffsets } from '../stream/index.ts';
import type { BatchCounts } from './job-context.ts';
import type { JobSink } from './job-sink.ts';

/** A planned batch, and so everything up to it. */
export interface Position {
  readonly batch: number;
  readonly offsets: BatchOffsets;
}

export interface BatchRange {
  /** Null where no batch went before. */
  readonly from: Position | null;
  readonly to: Position;
}

/** What comes next. */
export interface NextBatch {
  /** JSON, as `offsets/N` holds it; null where nothing of what was looked at can be taken yet. */
  readonly end: string | null;
  /** Files that could not be read, and are tried again later. */
  readonly deferredFiles: number;
}

export interface JobSource {
  /**
   * The batches that take all that is there now. Each is looked for when the one before it is done, and what the source
   * has to remember of it is written before it is yielded.
   */
  nextBatches(from: Position | null): AsyncIterable<NextBatch>;
  /** Takes the rows of a planned batch, which may be an earlier run's, to the sink. Rejections are listed before it commits. */
  take(range: BatchRange, sink: JobSink): Promise<BatchCounts>;
  /** What was there and not taken when the source last looked: files, or messages. */
  readonly backlog: number;
  /** What looks like a mistake and is none for certain, in sentences. */
  readonly warnings: readonly string[];
  /** Tidies what nobody reads any more. */
  clean(): Promise<void>;
  close(): Promise<void>;
}
