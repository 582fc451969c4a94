/** Holds what was read against the model: a snapshot is exactly the version that it says, whatever it was made from. */

import { isDeltaError } from '../../src/base/index.ts';
import {
  type AddFile,
  type CheckpointFiles,
  commitPath,
  hasInCommitTimestamps,
  pathKey,
  vectorId,
} from '../../src/log/index.ts';
import { readCheckpoint } from '../../src/table/checkpoint-read.ts';
import { examine } from '../../src/table/doctor.ts';
import { listLog } from '../../src/table/log-files.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import type { Model } from './model.ts';
import {
  countersOf,
  type LiveFile,
  ROW_TRACKING,
  stateText,
  type TableState,
  Violation,
} from './table-state.ts';
import type { World } from './world.ts';

/** What is known of each version: its state, and all that a reader sees as one text. */
export interface Versions {
  at(version: number): TableState & { readonly text: string };
}

/** Errors: `Violation`. */
export function judge(versions: Versions, snapshot: Snapshot): void {
  const { version, metadata } = snapshot;
  const { text, txns, files } = versions.at(version);
  const { domains } = tableSnapshot(snapshot).state;
  const mark = domains.get(ROW_TRACKING);
  const own = [...domains.values()].filter(({ domain }) => domain !== ROW_TRACKING);
  const found = stateText({
    files: Array.from(snapshot.files(), fileOf),
    txns: [...txns.keys()].map((app) => [app, snapshot.txnVersion(app) ?? -1]),
    counters: [
      ...countersOf(metadata.configuration),
      ...own.map(({ domain, configuration }) => [domain, Number(configuration)] as const),
    ],
    rowIdMark: mark === null ? null : Number(/-?\d+/.exec(mark.configuration)?.[0]),
    timeMs: hasInCommitTimestamps(metadata) ? snapshot.timestampMs : null,
  });
  if (found !== text) {
    throw new Violation(`version ${version} was read as ${found}, and is ${text}`);
  }
  if (snapshot.fileCount !== files.size) throw new Violation(`version ${version}: file count`);
}

function fileOf(file: AddFile): readonly [string, LiveFile] {
  const { path, deletionVector, baseRowId, defaultRowCommitVersion } = file;
  const vector = vectorId(deletionVector);
  const numbers = [baseRowId, defaultRowCommitVersion].map((it) =>
    it === undefined ? null : Number(it),
  );
  return [pathKey(path), { vector, baseRowId: numbers[0] ?? null, rowVersion: numbers[1] ?? null }];
}

/** Everything that was said to be in the table is there, and every retained version loads as it was. */
export async function judgeEnd(world: World): Promise<void> {
  const { model } = world;
  for (const { id, told } of model.operations.values()) {
    if (told === 'committed' && !model.committedAt.has(id)) throw new Violation(`${id} is lost`);
  }
  const calm = await world.calmContext();
  const latest = model.latest?.version ?? 0;
  // Before anyone looks, who would finish what is half done.
  if (world.random.float() < 0.1) await judgeRepair(calm, model);
  await judgeVersions(calm, model);
  for (let version = model.firstRetained; version <= latest; version += 1) {
    const isThere = (await calm.store.head(commitPath(version))) !== null;
    if (!isThere && version > model.firstRetained) {
      throw new Violation(`version ${version} is gone`);
    }
  }
  await judgeCheckpoints(calm, model);
  await judgeHole(calm, model);
}

async function judgeVersions(calm: TableContext, model: Model): Promise<void> {
  const latest = model.latest?.version ?? 0;
  const newest = await openSnapshot(calm);
  if (newest.version !== latest) throw new Violation(`${newest.version} is not the last version`);
  judge(model, newest);
  for (let version = model.firstRetained; version <= latest; version += 1) {
    judge(model, await openSnapshot(calm, { version }));
  }
}

/** Readers pass over a checkpoint that a checksum file belies: so each is held against its version by itself. */
async function judgeCheckpoints({ store }: TableContext, model: Model): Promise<void> {
  const { checkpoints } = await listLog(store, 0);
  for (const files of checkpoints) {
    const found = await filesIn({ store }, files);
    const { files: held } = model.at(files.version);
    const wanted = [...held].map(([path, { vector }]) => `${path}~${vector}`);
    if (found === null || found.join() === wanted.sort().join()) continue;
    throw new Violation(`the checkpoint of version ${files.version} holds ${found.join()}`);
  }
}

/** Null of a torn one. */
async function filesIn(
  { store }: Pick<TableContext, 'store'>,
  files: CheckpointFiles,
): Promise<readonly string[] | null> {
  const found: string[] = [];
  try {
    for await (const actions of readCheckpoint(store, { files, copy: null })) {
      for (const action of actions) {
        if (action.kind !== 'add') continue;
        const [path, { vector }] = fileOf(action.add);
        found.push(`${path}~${vector}`);
      }
    }
  } catch (error) {
    const isTorn = isDeltaError(error) && error.kind === 'data' && error.code !== 'SIDECAR_MISSING';
    if (isTorn) return null;
    throw error;
  }
  return found.sort();
}

/** What a mended table must not have any more; and what no simulated table ever has. */
const NEVER = new Set([
  'CHECKSUM_BROKEN',
  'CHECKSUM_DISAGREES',
  'COMMIT_BROKEN',
  'COMMIT_HALF_DONE',
  'COMMIT_LOST',
  'COMPACTED_BROKEN',
  'HINT_BROKEN',
  'HINT_MISSING',
  'HINT_STALE',
  'IN_COMMIT_TIMESTAMP_WRONG',
  'LOG_GAP',
  'LOG_TABLE_STALE',
]);

async function judgeRepair(calm: TableContext, model: Model): Promise<void> {
  await examine(calm, { repair: true });
  const { findings } = await examine(calm);
  // What a cleanup that was cut short left of the time before is nobody's any more.
  const found = findings.find(
    ({ code, details }) =>
      NEVER.has(code) &&
      Number(/\/0*(\d+)\./.exec(String(details['path']))?.[1] ?? Infinity) >= model.firstRetained,
  );
  if (found !== undefined) throw new Violation(`after a repair: ${found.code} ${found.message}`);
}

const REFUSALS = new Set(['CHECKPOINT_CORRUPT', 'LOG_GAP', 'VERSION_NOT_FOUND']);

/** Where somebody takes a commit out of the log, nobody reads on as if it had never been. */
async function judgeHole(calm: TableContext, model: Model): Promise<void> {
  const latest = model.latest?.version ?? 0;
  const hole = model.firstRetained + 1;
  if (hole >= latest) return;
  const before = await openSnapshot(calm, { version: hole - 1 });
  await calm.store.delete([commitPath(hole)]);
  for (const open of [() => openSnapshot(calm), () => refreshSnapshot(calm, before)]) {
    try {
      judge(model, await open());
    } catch (error) {
      // Also that a checkpoint is torn: it was the only way around the hole.
      if (!isDeltaError(error) || !REFUSALS.has(error.code)) throw error;
    }
  }
}
