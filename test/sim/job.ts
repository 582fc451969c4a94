/** A job that takes files from a folder into the table, each once, by the checkpoint of the project's own sources. */

import { isDeltaError } from '../../src/base/index.ts';
import {
  type BatchOffsets,
  FileSource,
  isPending,
  openCheckpoint,
  printLogOffset,
  readLogOffset,
  readOffsets,
  writeCommit,
  writeOffsets,
} from '../../src/stream/index.ts';
import type { TableContext } from '../../src/table/types.ts';
import { newFile, transact } from './transaction.ts';
import type { Actor, World } from './world.ts';

const LIMITS = { filesMax: 2, bytesMax: 1_000 };
/** What a job may be told after a crash, while a request of its former life is still under way. */
const STARTED_ANEW = ['JOB_CONCURRENT', 'CHECKPOINT_BROKEN'] as const;

/** Puts files into the folder of the source, a row each. */
export function producer(world: World, name: string, count: number): Actor {
  let made = 0;
  return {
    name,
    run: async (ctx) => {
      while (made < count) {
        const path = `in/${String(made)}.parquet`;
        await world.persist(ctx, () =>
          ctx.store.put(path, new Uint8Array([made]), { kind: 'overwrite' }),
        );
        made += 1;
        await ctx.clock.sleep(world.random.float() * 80);
      }
    },
  };
}

/** Runs until all files are in the table. */
export function job(world: World, name: string, files: number): Actor {
  return {
    name,
    run: async (ctx) => {
      for (;;) {
        try {
          if ((await runOnce(world, ctx)) >= files) return;
        } catch (error) {
          const passes =
            isDeltaError(error) && (error.kind === 'unavailable' || isAnew(error.code));
          if (!passes) throw error;
        }
        await ctx.clock.sleep(world.objects.isDown() ? 5_000 : 50);
      }
    },
  };
}

function isAnew(code: string): boolean {
  return STARTED_ANEW.some((known) => known === code);
}

/** The steps of a run; the number of files that are in the table behind it. */
async function runOnce(world: World, ctx: TableContext): Promise<number> {
  const checkpoint = await openCheckpoint(ctx.store.at('job'), ctx.random);
  const source = await FileSource.open(ctx.store.at('in'), ctx.store.at('job'));
  const offsetOf = (of: number, offsets: BatchOffsets): number =>
    readLogOffset(checkpoint, of, offsets);
  let batch = checkpoint.planned ?? -1;
  let last = batch === -1 ? null : await readOffsets(checkpoint, batch);
  const take = async (from: number, offsets: BatchOffsets): Promise<void> => {
    const through = offsetOf(batch, offsets);
    const planned = await source.plannedFiles({ after: from, through });
    const rows = planned.map(({ path }) => ({ id: `in ${path}`, key: null, part: 'a', n: 5 }));
    let outcome: 'done' | 'unknown';
    do {
      outcome = await transact(world, ctx, () => ({
        reads: { kind: 'nothing' },
        spec: { reads: { kind: 'nothing' }, txn: { appId: checkpoint.id, version: batch } },
        actions: [newFile(world, 'a', rows)],
        inserts: rows.map(({ id }) => id),
      }));
    } while (outcome === 'unknown');
    await writeCommit(checkpoint, batch, offsets);
  };
  if (last !== null && isPending(checkpoint)) {
    const before = batch === 0 ? -1 : offsetOf(batch - 1, await readOffsets(checkpoint, batch - 1));
    await take(before, last);
  }
  const plan = async (logOffset: number): Promise<void> => {
    const from = last === null ? -1 : offsetOf(batch, last);
    batch += 1;
    const sources = [printLogOffset(logOffset)];
    last = await writeOffsets(checkpoint, ctx.clock, { batch, sources, previous: last });
    await take(from, last);
  };
  // A life that ended between the two had remembered these files and not planned them.
  if (source.logOffset > (last === null ? -1 : offsetOf(batch, last))) await plan(source.logOffset);
  for (const files of await source.listNew(LIMITS)) {
    const probed = files.map((file) => ({ file, probe: { kind: 'ready' } as const }));
    const { logOffset } = await source.plan(probed);
    await plan(logOffset);
  }
  return world.model.inserted().filter((id) => id.startsWith('in ')).length;
}
