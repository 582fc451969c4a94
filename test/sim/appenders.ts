/** Processes that add rows without a look at the table's files: blindly, by numbered batches, by progress, by new keys. */

import type { Action } from '../../src/log/index.ts';
import { parseExpression } from '../../src/schema/index.ts';
import type { Snapshot, Winners } from '../../src/table/types.ts';
import { newRow, steps } from './chance.ts';
import type { SimRow } from './model.ts';
import { commit, type Draft, filesOf, newFile, putFiles, transact } from './transaction.ts';
import type { Actor, World } from './world.ts';

const NEVER = parseExpression('false');

/** Rows that rest on nothing. */
export function blindly(world: World, row: SimRow, spec: Omit<Draft['spec'], 'reads'> = {}): Draft {
  return {
    reads: { kind: 'nothing' },
    spec: { reads: { kind: 'nothing' }, ...spec },
    actions: [newFile(world, row.part, [row])],
    inserts: [row.id],
  };
}

/**
 * Appends, often to a snapshot that it opened long ago. The same rows again only after it was told that they are not
 * there.
 */
export function appender(world: World, name: string, count: number): Actor {
  let held: Snapshot | null = null;
  return steps(world, { name, count }, async (ctx, { index, life }) => {
    const row = newRow(world, `${life}-${index}`);
    const ended =
      held !== null && world.random.float() < 0.5
        ? await commit(world, ctx, held, blindly(world, row))
        : await transact(world, ctx, (snapshot) => {
            held = snapshot;
            return blindly(world, row);
          });
    if (ended === 'conflict') held = null;
    if (ended === 'failed' || ended === 'conflict') {
      await transact(world, ctx, () => blindly(world, row));
    }
  });
}

/** Appends to a snapshot that it opened so long ago that a cleanup may have taken its version since. */
export function sleeper(world: World, name: string): Actor {
  return steps(world, { name, count: 1 }, async (ctx, { life }) => {
    const snapshot = await world.open(ctx);
    await ctx.clock.sleep(700 + world.random.float() * 700);
    const row = newRow(world, life);
    const ended = await commit(world, ctx, snapshot, blindly(world, row));
    if (ended === 'conflict') await transact(world, ctx, () => blindly(world, row));
  });
}

/** One of several that run the same batches of one application: each is applied once, whoever does it. */
export function batchWriter(
  world: World,
  name: string,
  { appId, count }: { readonly appId: string; readonly count: number },
): Actor {
  return steps(world, { name, count }, async (ctx, { index: version }) => {
    const row = newRow(world, `${appId}-${version}`);
    const draft = (): Draft => blindly(world, row, { txn: { appId, version } });
    while ((await transact(world, ctx, draft)) === 'unknown') world.note(`${name} asks again`);
  });
}

/** One of several workers that move the progress of an application on, each from where it finds it. */
export function worker(
  world: World,
  name: string,
  { appId, count }: { readonly appId: string; readonly count: number },
): Actor {
  return {
    name,
    run: async (ctx) => {
      for (;;) {
        const before = await world.open(ctx);
        const expected = before.txnVersion(appId);
        const version = (expected ?? -1) + 1;
        if (version >= count) return;
        // The work takes a while, and is committed to the table as it is then.
        await ctx.clock.sleep(world.random.float() * 40);
        const snapshot = await world.open(ctx, before);
        const row = newRow(world, `${appId}-${version}`);
        await commit(
          world,
          ctx,
          snapshot,
          blindly(world, row, { steps: [{ appId, expected, version }] }),
        );
        await ctx.clock.sleep(world.random.float() * 20);
      }
    },
  };
}

/** Appends keys that are not there, and looks again at what others brought where they came first. */
export function ingester(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx, { index, life }) => {
    let tries = 0;
    await transact(world, ctx, (snapshot) => {
      tries += 1;
      const known = new Set(
        filesOf(world, snapshot).flatMap(({ rows }) => rows.map(({ key }) => key)),
      );
      const rows = ['s0', 's1', 's2', 's3', `s${life}-${index}`]
        .filter((key) => !known.has(key) && world.random.float() < 0.6)
        .map((key) => newRow(world, `${life}-${index}-${tries}-${key}`, { key, part: 'a' }));
      if (rows.length === 0) return null;
      const without = (taken: ReadonlySet<string | null>): readonly Action[] => {
        const left = rows.filter(({ key }) => !taken.has(key));
        return left.length === 0 ? [] : [newFile(world, 'a', left)];
      };
      return {
        reads: { kind: 'nothing' },
        spec: {
          reads: { kind: 'rows', predicate: NEVER, paths: new Set() },
          rebase: async ({ added }: Winners) => {
            const paths = added.map(({ path }) => decodeURIComponent(path));
            // All that the files ever held: one too many is left out and no harm done.
            const taken = paths.flatMap((path) => world.model.rows(path, ''));
            const keys = new Set(taken.map(({ key }) => key));
            const actions = without(keys);
            await putFiles(world, ctx, actions);
            return { kind: 'replace', actions };
          },
        },
        actions: without(new Set()),
        inserts: rows.map(({ id }) => id),
      };
    });
  });
}
