/**
 * The sidecars of a V2 checkpoint: what did not change since the one before stays in the files that it has. PROTOCOL.md,
 * "Sidecar Files", "V2 Spec". Live files and tombstones are in sidecars of their own, since tombstones expire.
 */

import { isJsonObject, type JsonObject } from '../base/index.ts';
import {
  type AddFile,
  type CheckpointAction,
  type LogState,
  parseCommit,
  pathKey,
  sidecarPath,
} from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import { statisticsLayout } from './checkpoint-parsed.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { listLog, readCommits, readLastCheckpoint } from './log-files.ts';
import type { TableContext } from './types.ts';

/** As it stands in the checkpoint. */
export interface Sidecar {
  /** The file's name. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly actionCount: number;
  /** Holds live files and nothing else. */
  readonly isLive: boolean;
}

/** Live files in one sidecar. */
const SIDECAR_ACTIONS_MAX = 100_000;
/** Sidecars that are not half full, at which they are put together. */
const SMALL_SIDECARS_MAX = 8;

/** The line of a sidecar in its checkpoint, in the words of the protocol; what we know besides is in its tags. */
export function sidecarLine(sidecar: Sidecar): JsonObject {
  const { name, sizeBytes, modifiedMs, actionCount, isLive } = sidecar;
  return {
    sidecar: {
      path: name,
      sizeInBytes: sizeBytes,
      modificationTime: modifiedMs,
      tags: { [ACTIONS_TAG]: String(actionCount), [LIVE_TAG]: String(isLive) },
    },
  };
}

const ACTIONS_TAG = 'deltawright.actions';
const LIVE_TAG = 'deltawright.live';

export interface SidecarsToWrite {
  readonly tombstones: readonly CheckpointAction[];
  /** Whether none of the sidecars that are there is kept. */
  readonly isAnew: boolean;
}

/** Writes what is new and gives all sidecars of the checkpoint: together they hold the live files and the tombstones. */
export async function writeSidecars(
  ctx: TableContext,
  state: LogState,
  { tombstones, isAnew }: SidecarsToWrite,
): Promise<readonly Sidecar[]> {
  const { kept, fresh } = isAnew
    ? { kept: [], fresh: [...state.files.values()] }
    : await planSidecars(ctx, state);
  const written: Sidecar[] = [];
  for (let start = 0; start < fresh.length; start += SIDECAR_ACTIONS_MAX) {
    const files = fresh.slice(start, start + SIDECAR_ACTIONS_MAX);
    written.push(await writeSidecar(ctx, state, { files, tombstones: [] }));
  }
  if (tombstones.length > 0) {
    written.push(await writeSidecar(ctx, state, { files: [], tombstones }));
  }
  return [...kept, ...written];
}

interface SidecarPlan {
  readonly kept: readonly Sidecar[];
  /** Live files that no kept sidecar holds. */
  readonly fresh: readonly AddFile[];
}

/**
 * What the commits since the last checkpoint touched decides which of its sidecars still hold live files alone. Where they
 * only added, the counts prove it; otherwise the paths in the sidecars are read.
 */
async function planSidecars(ctx: TableContext, state: LogState): Promise<SidecarPlan> {
  const all: SidecarPlan = { kept: [], fresh: [...state.files.values()] };
  const before = await lastSidecars(ctx.store, state.version);
  if (before === null) return all;
  const touched = await touchedKeys(ctx.store, before.version, state.version);
  if (touched === null) return all;
  const kept: Sidecar[] = [];
  const keys = new Set(touched);
  const heldCount = before.sidecars.reduce((sum, { actionCount }) => sum + actionCount, 0);
  const onlyAdded = heldCount + liveOf(state, touched).length === state.files.size;
  const smallCount = before.sidecars.filter(isSmall).length;
  for (const sidecar of before.sidecars) {
    const isJoined = smallCount >= SMALL_SIDECARS_MAX && isSmall(sidecar);
    if (onlyAdded && !isJoined) {
      kept.push(sidecar);
      continue;
    }
    const path = sidecarPath(sidecar.name);
    const held = await readPathKeys(ctx.store, { path, sizeBytes: sidecar.sizeBytes });
    if (held.length !== sidecar.actionCount) return all;
    if (isJoined || held.some((key) => touched.has(key))) for (const key of held) keys.add(key);
    else kept.push(sidecar);
  }
  const fresh = liveOf(state, keys);
  const count = kept.reduce((sum, { actionCount }) => sum + actionCount, fresh.length);
  // What cannot be accounted for is written whole: a file must be in exactly one place.
  return count === state.files.size ? { kept, fresh } : all;
}

function isSmall({ actionCount }: Sidecar): boolean {
  return actionCount < SIDECAR_ACTIONS_MAX / 2;
}

function liveOf(state: LogState, keys: Iterable<string>): AddFile[] {
  return [...keys].flatMap((key) => state.files.get(key) ?? []);
}

/** Files that the commits after a version up to another one speak of; null where one of these is gone. */
async function touchedKeys(
  store: ObjectStore,
  after: number,
  to: number,
): Promise<ReadonlySet<string> | null> {
  const { commits } = await listLog(store, after);
  const wanted = commits.filter(({ version }) => version > after && version <= to);
  if (wanted.length !== to - after) return null;
  const keys = new Set<string>();
  for (const { actions } of await readCommits(store, wanted)) {
    for (const action of actions) {
      if (action.kind === 'add') keys.add(pathKey(action.add.path));
      if (action.kind === 'remove') keys.add(pathKey(action.remove.path));
    }
  }
  return keys;
}

/** The sidecars of live files of the last checkpoint, where we wrote it as one of the V2 spec. */
async function lastSidecars(
  store: ObjectStore,
  before: number,
): Promise<{ readonly version: number; readonly sidecars: readonly Sidecar[] } | null> {
  const hint = await readLastCheckpoint(store);
  if (hint === null || hint.version >= before) return null;
  const { checkpoints } = await listLog(store, hint.version);
  const last = checkpoints.find(
    ({ version, kind }) => version === hint.version && kind === 'unique',
  );
  const path = last?.files[0]?.path ?? '';
  if (!path.endsWith('.json')) return null;
  const sidecars: Sidecar[] = [];
  for (const action of parseCommit((await store.get(path)).bytes, path)) {
    if (action.kind === 'add') return null;
    const line = action.kind === 'unknown' ? action.line['sidecar'] : undefined;
    if (!isJsonObject(line)) continue;
    const sidecar = sidecarOf(line);
    if (sidecar === null) return null;
    if (sidecar.isLive) sidecars.push(sidecar);
  }
  return { version: hint.version, sidecars };
}

/** Null for one that another writer wrote. */
function sidecarOf({ path, sizeInBytes, modificationTime, tags }: JsonObject): Sidecar | null {
  if (typeof path !== 'string' || typeof sizeInBytes !== 'number') return null;
  if (typeof modificationTime !== 'number' || !isJsonObject(tags)) return null;
  const [count, live] = [tags[ACTIONS_TAG], tags[LIVE_TAG]];
  if (typeof count !== 'string' || typeof live !== 'string') return null;
  return {
    name: path,
    sizeBytes: sizeInBytes,
    modifiedMs: modificationTime,
    actionCount: Number(count),
    isLive: live === 'true',
  };
}

/** Either files or tombstones. */
interface SidecarContent {
  readonly files: readonly AddFile[];
  readonly tombstones: readonly CheckpointAction[];
}

async function writeSidecar(
  ctx: TableContext,
  state: LogState,
  { files, tombstones }: SidecarContent,
): Promise<Sidecar> {
  const name = `${ctx.random.uuid()}.parquet`;
  const statistics = statisticsLayout(state.protocol, state.metadata);
  const writer = await CheckpointWriter.open({ kind: 'sidecar', statistics });
  await writer.addFiles(files);
  await writer.addActions(tombstones);
  const bytes = writer.finish();
  await ctx.store.put(sidecarPath(name), bytes, { kind: 'create' });
  return {
    name,
    sizeBytes: bytes.length,
    modifiedMs: ctx.clock.now(),
    actionCount: files.length + tombstones.length,
    isLive: tombstones.length === 0,
  };
}

/** The `pathKey` of every live file that a sidecar names. */
async function readPathKeys(
  store: ObjectStore,
  file: Pick<ObjectMeta, 'path' | 'sizeBytes'>,
): Promise<readonly string[]> {
  const { readFooter, readRows, storeSource } = await import('../parquet/index.ts');
  const source = storeSource(store, file.path, file);
  const footer = await readFooter(source);
  const keys: string[] = [];
  for await (const { add } of readRows(source, footer, { columns: [['add', 'path']] })) {
    const path = isStruct(add) ? add['path'] : null;
    if (typeof path === 'string') keys.push(pathKey(path));
  }
  return keys;
}

function isStruct(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
