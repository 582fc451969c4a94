/** Processes that open the table in every way, again and again: what they see is always one whole version. */

import { isDeltaError } from '../../src/base/index.ts';
import { openMetadata, openSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { judge } from './judge.ts';
import { countersOf, Violation } from './table-state.ts';
import type { Actor, World } from './world.ts';

export function reader(world: World, name: string, count: number): Actor {
  return {
    name,
    run: async (ctx) => {
      let snapshot: Snapshot | null = null;
      for (let index = 0; index < count; index += 1) {
        snapshot = await world.open(ctx, snapshot);
        if (world.random.float() < 0.4) await travel(world, ctx);
        if (world.random.float() < 0.3) await describe(world, ctx);
        await ctx.clock.sleep(world.random.float() * 60);
      }
    },
  };
}

/** A version that is there is read as it was, or was cleaned up meanwhile. */
async function travel(world: World, ctx: TableContext): Promise<void> {
  const { model, random, objects } = world;
  const latest = model.latest?.version ?? 0;
  // The oldest ones are those that a cleanup takes at that moment.
  const version =
    random.float() < 0.5 ? model.firstRetained : Math.floor(random.float() * (latest + 1));
  const { timeMs } = model.at(version);
  const isByTime = timeMs !== null && random.float() < 0.5;
  const isStale = objects.faults.listing === 'stale';
  try {
    await world.persist(ctx, async () => {
      const snapshot = await openSnapshot(ctx, isByTime ? { timestampMs: timeMs } : { version });
      judge(model, snapshot);
      if (snapshot.version === version || (isByTime && isStale)) return;
      throw new Violation(`version ${snapshot.version} was read, and ${version} asked for`);
    });
  } catch (error) {
    const isGone = version < model.firstRetained;
    const isNotThere =
      isDeltaError(error, 'VERSION_NOT_FOUND') || isDeltaError(error, 'TIMESTAMP_TOO_EARLY');
    if (isNotThere && (isGone || isStale)) return;
    // Of what is left of it: commits behind a hole, or a checkpoint that was torn.
    const isLeftOver = isDeltaError(error, 'LOG_GAP') || isDeltaError(error, 'CHECKPOINT_CORRUPT');
    if (isLeftOver && isGone) return;
    throw error;
  }
}

async function describe(world: World, ctx: TableContext): Promise<void> {
  await world.persist(ctx, async () => {
    const { version, metadata } = await openMetadata(ctx);
    const held = world.model.at(version).counters;
    for (const [name, value] of countersOf(metadata.configuration)) {
      if (held.get(name) !== value) throw new Violation(`version ${version} is described wrongly`);
    }
  });
}
