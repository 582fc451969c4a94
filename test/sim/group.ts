/** A process in which several append at once, and leave as few commits. */

import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { GroupCommit } from '../../src/table/group-commit.ts';
import { blindly } from './appenders.ts';
import { newRow } from './chance.ts';
import { commit, type Draft, STOPPED, transact } from './transaction.ts';
import type { Actor, World } from './world.ts';

/** `appId` and `batches`: of an application that others run too. */
export interface GroupOptions {
  readonly count: number;
  readonly appId: string;
  readonly batches: number;
}

/** Some append blindly, now and then with a signal that stops them; two run the same batches. */
export function group(world: World, name: string, { count, appId, batches }: GroupOptions): Actor {
  const progress = [0, 0];
  let lives = 0;
  return {
    name,
    run: async (own) => {
      lives += 1;
      const life = `${name}.${lives}`;
      const isTight = world.random.float() < 0.3;
      const limits = isTight ? { waitingMax: 2, actionsMax: 2 } : { delayMs: 5 };
      const commits = new GroupCommit(own, limits);
      const ctx = { ...own, commitGroup: commits };
      const run = async (index: number): Promise<void> => {
        for (let version = progress[index] ?? 0; version < batches; version += 1) {
          const row = newRow(world, `${appId}-${version}`);
          const draft = (): Draft => blindly(world, row, { txn: { appId, version } });
          while ((await transact(world, ctx, draft)) === 'unknown')
            world.note(`${name} asks again`);
          progress[index] = version + 1;
        }
      };
      await Promise.all([
        ...Array.from(progress.keys(), run),
        ...['x', 'y'].map((who) => append(world, ctx, { who: `${life}${who}`, count })),
      ]);
      await commits.idle();
    },
  };
}

async function append(
  world: World,
  ctx: TableContext,
  { who, count }: { readonly who: string; readonly count: number },
): Promise<void> {
  let snapshot: Snapshot = await world.open(ctx);
  for (let index = 0; index < count; index += 1) {
    const row = newRow(world, `${who}-${index}`);
    const stop = world.random.float() < 0.2 ? new AbortController() : null;
    const draft = blindly(world, row, stop === null ? {} : { signal: stop.signal });
    const stopping = async (): Promise<void> => {
      await ctx.clock.sleep(world.random.float() * 20);
      stop?.abort(STOPPED);
    };
    const [ended] = await Promise.all([
      commit(world, ctx, snapshot, draft),
      ...(stop === null ? [] : [stopping()]),
    ]);
    if (ended === 'conflict' || world.random.float() < 0.3) {
      snapshot = await world.open(ctx, snapshot);
    }
    await ctx.clock.sleep(world.random.float() * 10);
  }
}
