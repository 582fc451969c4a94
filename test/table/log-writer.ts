/** What other writers leave in a log, made for tests: V2 checkpoints and log compaction files. */

import {
  type Action,
  type CheckpointAction,
  checkpointActions,
  checkpointPath,
  compactedPath,
  LAST_CHECKPOINT_PATH,
  type LogState,
  parseCommit,
  commitPath,
  printCommit,
  versionPrefix,
} from '../../src/log/index.ts';
import { jsonChecksums } from '../../src/log/json-checksum.ts';
import { rowsToArrow, writeParquet } from '../../src/parquet/index.ts';
import { parseDdl, type Row } from '../../src/schema/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { checkpointRow, checkpointSchema } from '../../src/table/checkpoint-rows.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { TableContext } from '../../src/table/types.ts';

export interface V2Spec {
  readonly format: 'json' | 'parquet';
  /** Files that the file actions are spread over; 0 leaves them in the checkpoint itself. */
  readonly sidecars: number;
  /** Whether it has the classic name; only Parquet. */
  readonly classic?: boolean;
  /** Members of checkpointMetadata; null leaves the action out. */
  readonly spec?: object | null;
}

export interface V2Checkpoint {
  readonly path: string;
  readonly sidecars: readonly string[];
  /** Of the checkpoint itself. */
  readonly lines: readonly object[];
  readonly sizeBytes: number;
}

const UUID = '80a083e8-7026-4e79-81be-64bd76c43a11';
const EVERYTHING = { removedAfterMs: Number.NEGATIVE_INFINITY, txnUpdatedAfterMs: null };

/** Writes the V2 checkpoint of a version; no hint. */
export async function writeV2(
  ctx: TableContext,
  version: number,
  { format, sidecars: count, classic = false, spec = { version } }: V2Spec,
): Promise<V2Checkpoint> {
  const actions = [...checkpointActions(await stateAt(ctx, version), EVERYTHING)];
  const files = actions.filter(({ kind }) => kind === 'add' || kind === 'remove');
  const own = count === 0 ? actions : actions.filter((action) => !files.includes(action));
  const sidecars: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `${version} ${index}.parquet`;
    const part = files.filter((_, position) => position % count === index);
    await put(ctx.store, `_delta_log/_sidecars/${name}`, await parquet(part));
    sidecars.push(name);
  }
  // Their sizes are wrong, as some writers have them.
  const named = sidecars.map((name) => ({
    path: name.replace(' ', '%20'),
    sizeInBytes: 1,
    modificationTime: 1,
  }));
  const head = spec === null ? [] : [{ checkpointMetadata: spec }];
  const tail = named.map((sidecar) => ({ sidecar }));
  const lines = [...head, ...own.map(lineOf), ...tail];
  const unique = `${versionPrefix(version)}.checkpoint.${UUID}.${format}`;
  const path = classic ? checkpointPath(version) : unique;
  const bytes = format === 'json' ? textOf(lines) : await parquet(own, [...head, ...tail]);
  await put(ctx.store, path, bytes);
  return { path, sidecars, lines, sizeBytes: bytes.length };
}

/** A signed hint that repeats the checkpoint, as Spark writes it. */
export async function writeHint(
  store: ObjectStore,
  version: number,
  { path, lines, sizeBytes }: V2Checkpoint,
): Promise<void> {
  const isSidecar = (line: object): line is { sidecar: object } => 'sidecar' in line;
  const members = {
    version,
    size: lines.length,
    v2Checkpoint: {
      path: path.slice('_delta_log/'.length),
      sizeInBytes: sizeBytes,
      modificationTime: 1,
      nonFileActions: lines.filter((line) => !isSidecar(line)),
      sidecarFiles: lines.filter(isSidecar).map(({ sidecar }) => sidecar),
    },
  };
  const [checksum] = jsonChecksums(JSON.stringify(members));
  await put(store, LAST_CHECKPOINT_PATH, textOf([{ ...members, checksum }]));
}

/** Writes the compacted file of some commits, of tables without deletion vectors and domains. */
export async function compact(store: ObjectStore, start: number, end: number): Promise<string> {
  const actions = new Map<string, Action>();
  for (let version = start; version <= end; version += 1) {
    const path = commitPath(version);
    for (const action of parseCommit((await store.get(path)).bytes, path)) {
      if (action.kind === 'add') actions.set(action.add.path, action);
      if (action.kind === 'remove') actions.set(action.remove.path, action);
      if (action.kind === 'txn') actions.set(`txn ${action.txn.appId}`, action);
      if (action.kind === 'metaData' || action.kind === 'protocol') {
        actions.set(action.kind, action);
      }
    }
  }
  const path = compactedPath(start, end);
  await put(store, path, printCommit([...actions.values()]));
  return path;
}

async function stateAt(ctx: TableContext, version: number): Promise<LogState> {
  return tableSnapshot(await openSnapshot(ctx, { version })).state;
}

/** A checkpoint action as its line. */
function lineOf(action: CheckpointAction): object {
  const [line] = new TextDecoder().decode(printCommit([action])).split('\n');
  return JSON.parse(line ?? '') as object;
}

const V2_COLUMNS = parseDdl(
  'checkpointMetadata struct<version: bigint>, ' +
    'sidecar struct<path: string, sizeInBytes: bigint, modificationTime: bigint>',
);

async function parquet(
  actions: readonly CheckpointAction[],
  others: readonly object[] = [],
): Promise<Uint8Array> {
  const schema = checkpointSchema();
  const fields = others.length === 0 ? [] : V2_COLUMNS.fields;
  const rows = [...others.map((line) => line as Row), ...actions.map(checkpointRow)];
  return writeParquet(
    await rowsToArrow({ kind: 'struct', fields: [...schema.fields, ...fields] }, rows),
  );
}

function textOf(lines: readonly object[]): Uint8Array {
  return new TextEncoder().encode(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
}

async function put(store: ObjectStore, path: string, bytes: Uint8Array): Promise<void> {
  await store.put(path, bytes, { kind: 'overwrite' });
}
