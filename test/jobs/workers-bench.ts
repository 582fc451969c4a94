/** Workers of one job in one process: each with partitions that the test gives it, and stopped where the test wants it. */

import { findJob, type RunOptions, type RunResult } from '../../src/jobs/index.ts';
import type { Run } from '../../src/jobs/job-context.ts';
import { runWorker } from '../../src/jobs/worker.ts';
import type { ObjectStore, StorePath } from '../../src/store/index.ts';
import { openCheckpoint, type Assignment, type Membership } from '../../src/stream/index.ts';
import type { JobBench } from './bench.ts';

export interface WorkerOptions extends RunOptions {
  /** What it has, by number; a later question may be answered otherwise. */
  readonly assignment: () => Assignment;
  /** Where it works: the bench's folder, or a store that does something in between. */
  readonly root?: ObjectStore;
}

/** One look of a worker of the job. */
export async function work(
  bench: JobBench,
  job: string,
  { assignment, root, ...options }: WorkerOptions,
): Promise<RunResult> {
  const membership: Membership = {
    assignment: async () => Promise.resolve(assignment()),
    leave: async () => Promise.resolve(),
  };
  const trigger = { kind: 'once' } as const;
  const run = await openRun(bench, job, root);
  return runWorker(run, { trigger, ...options }, async () => Promise.resolve(membership));
}

/** The same partitions, whenever it is asked. */
export function always(
  topic: string,
  partitions: readonly number[],
  lost: AbortSignal = new AbortController().signal,
): () => Assignment {
  const assignment = { partitions: partitions.map((partition) => ({ topic, partition })), lost };
  return () => assignment;
}

/** The store, where `before` is called once, before the first file is put that `isIt` is true of. */
export function pausedAt(
  store: ObjectStore,
  isIt: (path: StorePath) => boolean,
  before: () => Promise<unknown>,
): ObjectStore {
  let isDone = false;
  const wrap = (inner: ObjectStore, prefix: string): ObjectStore =>
    new Proxy(inner, {
      get: (target, name) => {
        if (name === 'at') return (path: string) => wrap(target.at(path), `${prefix}${path}/`);
        if (name === 'put') {
          return async (...args: Parameters<ObjectStore['put']>) => {
            if (!isDone && isIt(prefix + args[0])) {
              isDone = true;
              await before();
            }
            return target.put(...args);
          };
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  return wrap(store, '');
}

async function openRun(bench: JobBench, name: string, root?: ObjectStore): Promise<Run> {
  const context = root === undefined ? bench.context() : bench.context(root);
  const job = findJob(bench.config, name);
  return {
    job,
    config: bench.config,
    context,
    strict: job.strict,
    signal: undefined,
    report: () => {},
    rejected: context.openStore(job.rejected),
    checkpoint: await openCheckpoint(context.openStore(job.checkpoint), context.random),
  };
}
