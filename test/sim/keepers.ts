/** Processes that make the log cheaper to read: checkpoints and compacted files; and the doctor. */

import { isDeltaError } from '../../src/base/index.ts';
import {
  type Action,
  checkpointActions,
  checksumPath,
  LAST_CHECKPOINT_PATH,
  printCommit,
  printLastCheckpoint,
  printVersionChecksum,
  versionPrefix,
} from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { compactLog } from '../../src/table/compact-log.ts';
import { examine } from '../../src/table/doctor.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { steps } from './chance.ts';
import type { Actor, World } from './world.ts';

const EVERYTHING = { removedAfterMs: Number.NEGATIVE_INFINITY, txnUpdatedAfterMs: null };

/** Writes checkpoints: as the project does, or in JSON, so that thousands of runs take seconds. */
export function checkpointer(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    await ctx.clock.sleep(20 + world.random.float() * 60);
    const snapshot = await world.open(ctx);
    if (snapshot.version === 0) return;
    world.note(`checkpoint ${snapshot.version}`);
    const write = world.terms.isParquet ? writeCheckpoint : writeJsonCheckpoint;
    await world.underWay(ctx, { version: snapshot.version }, () =>
      bestEffort(() => write(ctx, snapshot), ['CONFLICT_REPLACED']),
    );
  });
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
  return steps(world, { name, count }, async (ctx) => {
    await ctx.clock.sleep(20 + world.random.float() * 60);
    const { version } = await world.open(ctx);
    const start = Math.floor(world.random.float() * version);
    const end = Math.min(version, start + 1 + Math.floor(world.random.float() * 5));
    if (end > start) await bestEffort(() => compactLog(ctx, { from: start, to: end }));
  });
}

/** Looks at the table while others work on it, and mends what it finds. */
export function doctor(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    await ctx.clock.sleep(50 + world.random.float() * 100);
    const base = world.model.firstRetained;
    await world.underWay(ctx, { version: base }, () =>
      bestEffort(() => examine(ctx, { repair: true })),
    );
  });
}

/** What readers can do without; a store that fails, or another who was faster, is no reason to stop, nor are these codes. */
export async function bestEffort(
  work: () => Promise<unknown>,
  codes: readonly string[] = [],
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    if (!['unavailable', 'data'].includes(error.kind) && !codes.includes(error.code)) throw error;
  }
}
