/** Processes that read, and those that look after the log: checkpoints, compacted files, cleaning up. */

import { isDeltaError } from '../../src/base/index.ts';
import {
  type Action,
  checkpointActions,
  checksumPath,
  commitPath,
  compactedPath,
  LAST_CHECKPOINT_PATH,
  LOG_FOLDER,
  parseCommit,
  parseLogFileName,
  pathKey,
  printCommit,
  printLastCheckpoint,
  printVersionChecksum,
  versionPrefix,
} from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
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
        if (end > start) await bestEffort(() => compact(ctx, start, end));
      }
    },
  };
}

async function compact({ store }: TableContext, start: number, end: number): Promise<void> {
  const actions = new Map<string, Action>();
  for (let version = start; version <= end; version += 1) {
    const path = commitPath(version);
    for (const action of parseCommit((await store.get(path)).bytes, path)) {
      const key = keyOf(action);
      if (key !== null) actions.set(key, action);
    }
  }
  const bytes = printCommit([...actions.values()]);
  await store.put(compactedPath(start, end), bytes, { kind: 'create' });
}

function keyOf(action: Action): string | null {
  switch (action.kind) {
    case 'add':
      return `file ${pathKey(action.add.path)}`;
    case 'remove':
      return `file ${pathKey(action.remove.path)}`;
    case 'txn':
      return `txn ${action.txn.appId}`;
    case 'domainMetadata':
      return `domain ${action.domainMetadata.domain}`;
    case 'metaData':
    case 'protocol':
      return action.kind;
    default:
      return null;
  }
}

/** Nothing that is still under way is older than this, in milliseconds: what retention stands for. */
const RETENTION_MS = 600;

/** Deletes the log before a checkpoint, when no transaction and no lost request can need it any more. */
export function janitor(world: World, name: string, count: number): Actor {
  return {
    name,
    run: async (ctx) => {
      for (let index = 0; index < count; index += 1) {
        await ctx.clock.sleep(300 + world.random.float() * 400);
        await bestEffort(() => cleanUp(world, ctx));
      }
    },
  };
}

async function cleanUp(world: World, ctx: TableContext): Promise<void> {
  const files: { readonly path: string; readonly version: number; readonly modifiedMs: number }[] =
    [];
  for await (const { path, modifiedMs } of ctx.store.list(LOG_FOLDER)) {
    const name = parseLogFileName(path.slice(LOG_FOLDER.length + 1));
    if (name !== null) files.push({ path, version: name.version, modifiedMs });
  }
  const untilMs = ctx.clock.now() - RETENTION_MS;
  const first = files.findLast(
    ({ path, modifiedMs }) => path.includes('.checkpoint.') && modifiedMs < untilMs,
  );
  if (first === undefined || first.version > world.oldestBase()) return;
  const isYoung = files.some((it) => it.version < first.version && it.modifiedMs >= untilMs);
  // Proved before anything is deleted.
  world.judge(await openSnapshot(ctx, { version: first.version }));
  if (isYoung || first.version > world.oldestBase()) return;
  world.model.firstRetained = Math.max(world.model.firstRetained, first.version);
  world.note(`clean up before ${first.version}`);
  for (const { path, version } of files) {
    if (version < first.version) await ctx.store.delete([path]);
  }
}

/** What readers can do without; a store that fails, or another who was faster, is no reason to stop. */
async function bestEffort(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isDeltaError(error) || !['unavailable', 'data'].includes(error.kind)) throw error;
  }
}
