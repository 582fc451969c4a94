/** Files staged side by side: all of them, or none left behind. */

import pLimit from 'p-limit';

import type { TableContext } from '../types.ts';
import { discardFiles, type StagedFile } from './append-file.ts';

/** Requests to a store, or copies on its side, that are under way at once. */
export const STORE_REQUESTS_MAX = 16;
/** Statements of the engine that run side by side, each on one thread. */
export const ENGINE_STATEMENTS_MAX = 2;

/** Runs `work` on each item, at most `concurrency` at once; waits for all of them, also after one has failed. */
export async function inParallel<T, R>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const limit = pLimit(concurrency);
  let failed = false;
  const settled = await Promise.allSettled(
    Array.from(items, (item) =>
      limit(async () => {
        if (failed) throw new Skipped();
        try {
          return await work(item);
        } catch (error) {
          failed = true;
          throw error;
        }
      }),
    ),
  );
  const failure = settled.find(
    (result) => result.status === 'rejected' && !(result.reason instanceof Skipped),
  );
  if (failure?.status === 'rejected') throw failure.reason;
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** Files in the order of the items; when one item fails, those that were written are taken back. */
export async function stageAll<T>(
  ctx: TableContext,
  items: Iterable<T>,
  concurrency: number,
  stage: (item: T) => Promise<readonly StagedFile[]>,
): Promise<readonly StagedFile[]> {
  const written: StagedFile[] = [];
  try {
    const files = await inParallel(items, concurrency, async (item) => {
      const staged = await stage(item);
      written.push(...staged);
      return staged;
    });
    return files.flat();
  } catch (error) {
    await discardFiles(ctx, written);
    throw error;
  }
}

export interface RunOptions<T> {
  readonly sizeOf: (item: T) => number;
  /** Where a run is cut, more or less. */
  readonly sizeMax: number;
  readonly countMin: number;
}

/** Neighbours put together in runs of about equal size: as few as the limits allow. */
export function runsBySize<T>(
  items: readonly T[],
  { sizeOf, sizeMax, countMin }: RunOptions<T>,
): readonly (readonly T[])[] {
  const total = items.reduce((sum, item) => sum + sizeOf(item), 0);
  const count = Math.max(countMin, Math.ceil(total / sizeMax));
  const runs = new Map<number, T[]>();
  let before = 0;
  for (const item of items) {
    const size = sizeOf(item);
    const place = total === 0 ? 0 : Math.floor(((before + size / 2) * count) / total);
    runs.set(place, [...(runs.get(place) ?? []), item]);
    before += size;
  }
  return [...runs.values()];
}

/** An item that was not begun because another had failed. */
class Skipped extends Error {}
