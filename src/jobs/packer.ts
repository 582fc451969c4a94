/** Small files of a job's table, packed by its own batches, so that a table that is fed all day stays quick to read. */

import { isDeltaError, present } from '../base/index.ts';
import { filesToPack, openSnapshot, optimize, type TableContext } from '../table/index.ts';
import type { DeltaSink } from './job.ts';
import type { Run } from './job-context.ts';

/**
 * Packs every few batches, counted over all runs, since runs that end after a batch or two must come to it too. A file is
 * packed with others of its size, so that rows are not written again and again. Beside the next batches where the job
 * keeps on appending, so that no event waits for it; a merge may rewrite what is being packed, and would be in its way.
 */
export class Packer {
  readonly #table: TableContext;
  readonly #sink: DeltaSink;
  readonly #isBeside: boolean;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  #underWay: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #hasPacked = false;

  constructor({ job, signal }: Pick<Run, 'job' | 'signal'>, table: TableContext, sink: DeltaSink) {
    this.#table = table;
    this.#sink = sink;
    this.#isBeside = job.trigger.kind !== 'once' && sink.kind === 'append';
    const signals = signal === undefined ? [] : [signal];
    this.#signal = AbortSignal.any([this.#closing.signal, ...signals]);
  }

  /** Packs, or begins to, where it is time. Throws what the packing that was under way failed with. */
  async afterBatch(batch: number): Promise<void> {
    this.#raise();
    // What was packed by now is published after this batch.
    this.#hasPacked = false;
    const { everyBatches } = present(this.#sink.optimize, 'how files are packed');
    if ((batch + 1) % everyBatches !== 0 || this.#underWay !== null) return;
    const packing = this.#pack();
    if (this.#isBeside) this.#underWay = this.#follow(packing);
    else await packing;
  }

  /** Gives up what is under way; whether anything was packed since the last batch. Throws as `afterBatch`. */
  async close(): Promise<boolean> {
    const reason = new Error('the run ends');
    this.#closing.abort(reason);
    await this.#underWay;
    if (this.#failure?.error !== reason) this.#raise();
    return this.#hasPacked;
  }

  async #follow(packing: Promise<boolean>): Promise<void> {
    try {
      if (await packing) this.#hasPacked = true;
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#underWay = null;
    }
  }

  #raise(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  /** Whether the table has changed. */
  async #pack(): Promise<boolean> {
    const { minFileCount, sortBy } = present(this.#sink.optimize, 'how files are packed');
    const snapshot = await openSnapshot(this.#table);
    const spec = { minFileCount, gradual: true };
    if (filesToPack(snapshot, spec).length === 0) return false;
    try {
      const { kind } = await optimize(this.#table, snapshot, {
        ...spec,
        sortBy,
        signal: this.#signal,
      });
      return kind === 'committed';
    } catch (error) {
      // Others keep changing the same files: they are packed another time.
      if (!isDeltaError(error, 'WRITE_CONFLICT')) throw error;
      return false;
    }
  }
}
