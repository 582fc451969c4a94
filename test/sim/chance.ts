/** What actors draw by lot, and how they go on after a crash. */

import type { TableContext } from '../../src/table/types.ts';
import type { SimRow } from './model.ts';
import type { Actor, World } from './world.ts';

export const PARTS = ['a', 'b'] as const;
const NUMBERS = 10;

export function pick<T>(world: World, from: readonly T[]): T {
  const found = from[Math.floor(world.random.float() * from.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

export function newRow(world: World, id: string, members: Partial<SimRow> = {}): SimRow {
  const n = Math.floor(world.random.float() * NUMBERS);
  return { id, key: null, part: pick(world, PARTS), n, ...members };
}

export interface Step {
  readonly index: number;
  /** Of this life of the actor: what was begun in an earlier one is not done again. */
  readonly life: string;
}

/** Runs the steps of an actor one by one, from where it was when it crashed. */
export function steps(
  world: World,
  { name, count }: { readonly name: string; readonly count: number },
  step: (ctx: TableContext, at: Step) => Promise<void>,
): Actor {
  let done = 0;
  let lives = 0;
  return {
    name,
    run: async (ctx) => {
      lives += 1;
      const life = `${name}.${lives}`;
      while (done < count) {
        await step(ctx, { index: done, life });
        done += 1;
        await ctx.clock.sleep(world.random.float() * 40);
      }
    },
  };
}
