/** Processes that delete what is past its time: of the log, and of the table that decides commits. */

import { LOG_FOLDER, parseLogFileName, SIDECAR_FOLDER } from '../../src/log/index.ts';
import type { ListOptions, ObjectMeta, ObjectStore } from '../../src/store/index.ts';
import { unavailable } from '../../src/store/errors.ts';
import { cleanUpLog } from '../../src/table/cleanup.ts';
import type { TableContext } from '../../src/table/types.ts';
import { steps } from './chance.ts';
import { bestEffort } from './keepers.ts';
import type { Actor, World } from './world.ts';

/** Nothing that is still under way is older than this, in milliseconds: what retention stands for. */
const RETENTION_MS = 600;
const DAY_MS = 86_400_000;
const CLEANUP = { verb: 'delete', uri: 'sim://table', path: LOG_FOLDER };

/** Cleans up the log, when no transaction and no lost request can need any more what goes. */
export function janitor(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    await ctx.clock.sleep(300 + world.random.float() * 400);
    const snapshot = await world.open(ctx);
    // What is written from now on is younger than a cleanup is long.
    await world.underWay(ctx, { version: Number.POSITIVE_INFINITY }, () =>
      bestEffort(() => cleanUpLog({ ...ctx, store: aged(world, ctx) }, snapshot)),
    );
  });
}

/** Lets old entries of the log table go, as its time to live does. */
export function expiry(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async ({ clock }) => {
    await clock.sleep(world.random.float() * 200);
    // What was complete when a commit began, its writer finds in the log.
    world.entries.expire(Math.min(world.scheduler.nowMs, world.inUse().sinceMs));
  });
}

/**
 * The store with old files older than any retention. A deletion that somebody at work could not bear is refused: in the
 * world outside, retention is longer than any work.
 */
function aged(world: World, { store }: TableContext): ObjectStore {
  async function* list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectMeta> {
    const { nowMs } = world.scheduler;
    const isSidecars = prefix === SIDECAR_FOLDER;
    // Who writes a checkpoint now may be about to name what it wrote.
    const untilMs = isSidecars ? Math.min(nowMs, world.inUse().sinceMs) : nowMs - RETENTION_MS;
    for await (const meta of store.list(prefix, options)) {
      const modifiedMs = meta.modifiedMs - (meta.modifiedMs < untilMs ? 365 * DAY_MS : 0);
      yield { ...meta, modifiedMs };
    }
  }
  const remove = async (paths: readonly string[]): Promise<void> => {
    const versions = paths.flatMap((path) => {
      const found = parseLogFileName(path.slice(LOG_FOLDER.length + 1));
      return found?.kind === 'commit' ? [found.version] : [];
    });
    const keepFrom = Math.max(world.model.firstRetained, ...versions.map((it) => it + 1));
    if (keepFrom > world.inUse().version) throw unavailable(CLEANUP, new Error('in use'), true);
    world.model.firstRetained = keepFrom;
    world.note(`clean up before ${keepFrom}`);
    await store.delete(paths);
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'list') return list;
      if (name === 'delete') return remove;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
