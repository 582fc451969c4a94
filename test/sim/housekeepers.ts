/** Processes that delete what is past its time of the table's files, and that bring older versions back: as the project does it. */

import { isDeltaError } from '../../src/base/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { unavailable } from '../../src/store/errors.ts';
import { restore } from '../../src/table/ops/restore.ts';
import { vacuum } from '../../src/table/ops/vacuum.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { steps } from './chance.ts';
import { bestEffort } from './keepers.ts';
import { FILE_RETENTION_MS } from './model.ts';
import { Violation } from './table-state.ts';
import { type Actor, isPassing, type World } from './world.ts';

const VACUUM = { verb: 'delete', uri: 'sim://table', path: '' };
const HOUR_MS = 3_600_000;

/** Vacuums, often from a snapshot that it opened long ago. */
export function vacuumer(world: World, name: string, count: number): Actor {
  let held: Snapshot | null = null;
  return steps(world, { name, count }, async (ctx) => {
    await ctx.clock.sleep(FILE_RETENTION_MS * (0.5 + world.random.float()));
    const snapshot = held !== null && world.random.float() < 0.6 ? held : await world.open(ctx);
    held = snapshot;
    const store = bearable(world, ctx);
    const mode = world.random.float() < 0.8 ? 'full' : 'lite';
    // The log is read from where it begins.
    const work = async (): Promise<void> => {
      const { files } = await vacuum({ ...ctx, store }, snapshot, {
        mode,
        retentionHours: FILE_RETENTION_MS / HOUR_MS,
        retentionCheck: false,
      });
      world.note(`${name} deleted ${files.length}`);
    };
    await world.underWay(ctx, { version: world.model.firstRetained }, () =>
      world.at(ctx, `vacuum ${world.number()}`, () => bestEffort(work, ['VACUUM_LITE_INCOMPLETE'])),
    );
  });
}

/**
 * The store, which refuses a deletion that somebody at work could not bear: in the world outside, retention is longer than any work.
 * Between the plan and the commit that begins to carry it out others have time, as large folders give them.
 */
function bearable(world: World, { store, clock }: TableContext): ObjectStore {
  const put: ObjectStore['put'] = async (...call) => {
    if (world.random.float() < 0.3)
      await clock.sleep((world.random.float() * FILE_RETENTION_MS) / 4);
    return store.put(...call);
  };
  const remove = async (paths: readonly string[]): Promise<void> => {
    const isData = paths.some((path) => !path.startsWith('_'));
    const needsMs = world.inUse().sinceMs;
    if (isData && needsMs < world.scheduler.nowMs - FILE_RETENTION_MS) {
      throw unavailable(VACUUM, new Error('in use'), true);
    }
    await store.delete(paths);
  };
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'delete') return remove;
      if (key === 'put') return put;
      const member: unknown = Reflect.get(target, key);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/**
 * Restores versions that are within the retention, and stay in it while it works; and older ones, whose files may be gone, or
 * go at that moment.
 */
export function restorer(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    const { model, random, scheduler } = world;
    await ctx.clock.sleep(random.float() * FILE_RETENTION_MS);
    const snapshot = await world.open(ctx);
    const isOld = random.float() < 0.5;
    const retained = model.firstSince(scheduler.nowMs - FILE_RETENTION_MS / 2);
    const first = Math.max(1, isOld ? model.firstRetained : retained);
    const latest = model.latest?.version ?? 0;
    if (first > latest) return;
    const version = first + Math.floor(random.float() * (latest - first + 1));
    const { nowMs } = scheduler;
    const sinceMs = isOld ? nowMs : Math.min(nowMs, model.endMs(version));
    await world.underWay(ctx, { version, sinceMs }, () =>
      world.at(ctx, `restore ${nowMs}`, () => attempt(world, ctx, { snapshot, version, isOld })),
    );
  });
}

async function attempt(
  world: World,
  ctx: TableContext,
  {
    snapshot: before,
    version,
    isOld,
  }: { readonly snapshot: Snapshot; readonly version: number; readonly isOld: boolean },
): Promise<void> {
  const { model, objects } = world;
  try {
    const { kind, snapshot, postCommitErrors } = await restore(ctx, before, { version });
    world.note(`restore ${version} ${kind}`);
    // Where the store did not answer, that is what it was told.
    const isTold = kind !== 'committed' || postCommitErrors.length > 0;
    if (isTold || !model.broken.has(snapshot.version)) return;
    throw new Violation(`who restored ${version} was not told that files of it are gone`);
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    const isUnlisted = error.code === 'VERSION_NOT_FOUND' && objects.faults.listing === 'stale';
    const isGone = isOld && GONE.has(error.code);
    const isOpen = error.code === 'COMMIT_OUTCOME_UNKNOWN';
    if (!isUnlisted && !isGone && !isOpen && !isPassing(error)) throw error;
  }
}

/** What is said where files of an old version are deleted, or were deleted meanwhile. */
const GONE = new Set(['RESTORE_FILES_MISSING', 'RESTORE_FILES_VANISHED']);
