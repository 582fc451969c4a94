/** Processes that read, and those that look after the log: checkpoints, compacted files, cleaning up. */

import { isDeltaError } from '../../src/base/index.ts';
import {
  type Action,
  checkpointActions,
  checksumPath,
  LAST_CHECKPOINT_PATH,
  LOG_FOLDER,
  parseLogFileName,
  printCommit,
  printLastCheckpoint,
  printVersionChecksum,
  versionPrefix,
} from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import type { ListOptions, ObjectMeta, ObjectStore } from '../../src/store/index.ts';
import { unavailable } from '../../src/store/errors.ts';
import { cleanUpLog } from '../../src/table/cleanup.ts';
import { compactLog } from '../../src/table/compact-log.ts';
import { openMetadata, openSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { countersOf, Violation } from './model.ts';
import type { Actor, World } from './world.ts';

/** Opens the table in every way, again and again: what it sees is always one whole version. */
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
  const latest = world.model.latest?.version ?? 0;
  const version = Math.floor(world.random.float() * (latest + 1));
  try {
    await world.persist(ctx, async () => {
      world.judge(await openSnapshot(ctx, { version }));
    });
  } catch (error) {
    const isGone = version < world.model.firstRetained;
    const isStale = world.objects.faults.listing === 'stale';
    if (isDeltaError(error, 'VERSION_NOT_FOUND') && (isGone || isStale)) return;
    if (isDeltaError(error, 'LOG_GAP') && isGone) return;
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

const EVERYTHING = { removedAfterMs: Number.NEGATIVE_INFINITY, txnUpdatedAfterMs: null };

/** Writes checkpoints, in JSON, so that thousands of runs take seconds; `isParquet` takes the project's own writer. */
export function checkpointer(
  world: World,
  name: string,
  { count, isParquet }: { readonly count: number; readonly isParquet: boolean },
): Actor {
  return {
    name,
    run: async (ctx) => {
      for (let index = 0; index < count; index += 1) {
        await ctx.clock.sleep(20 + world.random.float() * 60);
        const snapshot = await world.open(ctx);
        if (snapshot.version === 0) continue;
        world.note(`checkpoint ${snapshot.version}`);
        await bestEffort(() =>
          isParquet ? writeCheckpoint(ctx, snapshot) : writeJsonCheckpoint(ctx, snapshot),
        );
      }
    },
  };
}

async function writeJsonCheckpoint(ctx: TableContext, snapshot: Snapshot): Promise<void> {
  const { state } = tableSnapshot(snapshot);
  const { version } = state;
  const head: Action = { kind: 'unknown', line: { checkpointMetadata: { version } } };
  const actions = [head, ...checkpointActions(state, EVERYTHING)];
  const bytes = printCommit(actions);
  const path = `${versionPrefix(version)}.checkpoint.${ctx.random.uuid()}.json`;
  await ctx.store.put(path, bytes, { kind: 'create' });
  await ctx.store.put(checksumPath(version), printVersionChecksum(state), { kind: 'create' });
  const hint = printLastCheckpoint({ version, size: actions.length, sizeInBytes: bytes.length });
  await ctx.store.put(LAST_CHECKPOINT_PATH, hint, { kind: 'overwrite' });
}

/** Writes log compaction files. */
export function compactor(world: World, name: string, count: number): Actor {
  return {
    name,
    run: async (ctx) => {
      for (let index = 0; index < count; index += 1) {
        await ctx.clock.sleep(20 + world.random.float() * 60);
        const { version } = await world.open(ctx);
        const start = Math.floor(world.random.float() * version);
        const end = Math.min(version, start + 1 + Math.floor(world.random.float() * 5));
        if (end > start) await bestEffort(() => compactLog(ctx, { from: start, to: end }));
      }
    },
  };
}

/** Nothing that is still under way is older than this, in milliseconds: what retention stands for. */
const RETENTION_MS = 600;
const DAY_MS = 86_400_000;

/** Cleans up the log, when no transaction and no lost request can need any more what goes. */
export function janitor(world: World, name: string, count: number): Actor {
  return {
    name,
    run: async (ctx) => {
      for (let index = 0; index < count; index += 1) {
        await ctx.clock.sleep(300 + world.random.float() * 400);
        const snapshot = await world.open(ctx);
        await bestEffort(() => cleanUpLog({ ...ctx, store: aged(world, ctx) }, snapshot));
      }
    },
  };
}

/**
 * The store with old files older than any retention. A deletion that somebody at work could not bear is refused: in the
 * world outside, retention is longer than any work.
 */
function aged(world: World, { store, clock }: TableContext): ObjectStore {
  const untilMs = clock.now() - RETENTION_MS;
  const times = (modifiedMs: number): number =>
    modifiedMs < untilMs ? modifiedMs - 365 * DAY_MS : modifiedMs;
  async function* list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectMeta> {
    for await (const meta of store.list(prefix, options)) {
      yield { ...meta, modifiedMs: times(meta.modifiedMs) };
    }
  }
  const remove = async (paths: readonly string[]): Promise<void> => {
    const versions = paths.flatMap((path) => {
      const found = parseLogFileName(path.slice(LOG_FOLDER.length + 1));
      return found?.kind === 'commit' ? [found.version] : [];
    });
    const keepFrom = Math.max(world.model.firstRetained, ...versions.map((it) => it + 1));
    if (keepFrom > world.oldestBase()) throw unavailable(CLEANUP, new Error('in use'), true);
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

const CLEANUP = { verb: 'delete', uri: 'sim://table', path: LOG_FOLDER };

/** What readers can do without; a store that fails, or another who was faster, is no reason to stop. */
async function bestEffort(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isDeltaError(error) || !['unavailable', 'data'].includes(error.kind)) throw error;
  }
}
