/** How a run goes on: looks for what is new as its trigger says, until it is stopped, and tells what it did. */

import type { BatchCounts, Run, RunOptions, RunResult } from './job-context.ts';

/** How often it is looked whether something is new where no interval says so. */
const IDLE_MS = 200;

/** Looks once, or again and again. `look` takes what is there, and says whether anything was. */
export async function lookAsTriggered(
  run: Run,
  options: RunOptions,
  look: () => Promise<boolean>,
): Promise<void> {
  const { trigger } = run.job;
  const everyMs = trigger.kind === 'interval' ? trigger.everyMs : 0;
  const { clock } = run.context;
  for (;;) {
    const beginMs = clock.now();
    const found = await look();
    if (trigger.kind === 'once' || isStopped(run, options)) return;
    const waitMs = Math.max(everyMs - (clock.now() - beginMs), found ? 0 : IDLE_MS);
    if (waitMs > 0) await wait(run, options, waitMs);
    if (isStopped(run, options)) return;
  }
}

/** Whether the run is to end after the batch under way. Throws the reason where it is to end at once. */
export function isStopped({ signal }: Run, { stop }: RunOptions): boolean {
  signal?.throwIfAborted();
  return stop?.aborted === true;
}

/** What a run did, from the counts of its batches. */
export function resultOf(
  { job, context, rejected }: Run,
  counts: BatchCounts,
  facts: Pick<RunResult, 'sink' | 'batches' | 'version' | 'warnings'> & {
    readonly startMs: number;
  },
): RunResult {
  const { startMs, sink, batches, version, warnings } = facts;
  return {
    job: job.name,
    sink,
    batches,
    ...counts,
    rejectedLocation: counts.rejectedFiles + counts.rejectedRows > 0 ? rejected.uri : null,
    version,
    warnings,
    timeMs: context.clock.now() - startMs,
  };
}

async function wait({ signal, context }: Run, { stop }: RunOptions, waitMs: number): Promise<void> {
  const signals = [signal, stop].filter((it) => it !== undefined);
  try {
    await context.clock.sleep(waitMs, AbortSignal.any(signals));
  } catch (error) {
    if (stop?.aborted !== true) throw error;
  }
}
