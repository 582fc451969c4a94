/** Checkpoints as actions. PROTOCOL.md, "Checkpoint Schema", "V2 Spec". */

import pLimit from 'p-limit';

import { isJsonObject, type JsonObject, type JsonValue } from '../base/index.ts';
import {
  type Action,
  CheckpointContents,
  type CheckpointCopy,
  type CheckpointFiles,
  decodeAction,
  type Metadata,
  parseCommit,
  type Protocol,
} from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import { sidecarMissing } from './errors.ts';

/** Columns by their paths; those of parsed statistics and partition values are never asked for. */
type Columns = readonly (readonly string[])[];

const HEAD: Columns = [['protocol'], ['metaData']];

const FILES: Columns = [
  ['remove'],
  ...[
    'path',
    'partitionValues',
    'size',
    'modificationTime',
    'dataChange',
    'stats',
    'tags',
    'deletionVector',
    'baseRowId',
    'defaultRowCommitVersion',
    'clusteringProvider',
  ].map((name) => ['add', name]),
];

const ALL: Columns = [
  ...HEAD,
  ['txn'],
  ['domainMetadata'],
  ['checkpointMetadata'],
  ['sidecar'],
  ...FILES,
];

/** The member that says whether a row holds the action: some writers fill the others in with nothing. */
const KEYS: Readonly<Record<string, string>> = {
  protocol: 'minReaderVersion',
  metaData: 'id',
  txn: 'appId',
  domainMetadata: 'domain',
  add: 'path',
  remove: 'path',
  checkpointMetadata: 'version',
  sidecar: 'path',
};

/** A checkpoint, and what is known of its own file without reading it: null where nothing is. */
export interface CheckpointToRead {
  readonly files: CheckpointFiles;
  readonly copy: CheckpointCopy | null;
}

/**
 * The actions of a checkpoint, in batches: all that a snapshot is made of, sidecars included. `LOG_CORRUPT`, a
 * `PARQUET_…` error or one of the store where it is not whole, which may show after the last batch only.
 */
export async function* readCheckpoint(
  store: ObjectStore,
  checkpoint: CheckpointToRead,
): AsyncGenerator<readonly Action[]> {
  const contents = new CheckpointContents(checkpoint.files);
  for await (const actions of readOwn(store, checkpoint, ALL)) {
    contents.take(actions);
    yield actions;
  }
  for (const file of await describeSidecars(store, contents.sidecars())) {
    for await (const actions of readParquet(store, file, FILES)) {
      contents.takeSidecar(actions);
      yield actions;
    }
  }
  contents.finish();
}

/** The protocol and metadata of a checkpoint. Errors as for `readCheckpoint`. */
export async function readCheckpointHead(
  store: ObjectStore,
  checkpoint: CheckpointToRead,
): Promise<{ readonly protocol: Protocol; readonly metadata: Metadata }> {
  const contents = new CheckpointContents(checkpoint.files);
  for await (const actions of readOwn(store, checkpoint, HEAD)) {
    contents.take(actions);
    if (contents.hasHead) break;
  }
  return contents.head();
}

/** Sidecars that are asked for their size at once. */
const REQUESTS_MAX = 16;

/** Asked of the store: what a checkpoint says of the size of a sidecar is wrong at some writers. */
async function describeSidecars(
  store: ObjectStore,
  paths: readonly string[],
): Promise<readonly ObjectMeta[]> {
  return pLimit(REQUESTS_MAX).map(paths, async (path) => {
    const meta = await store.head(path);
    if (meta === null) throw sidecarMissing(path);
    return meta;
  });
}

const BATCH_ACTIONS = 1_024;

/** What the checkpoint's own files hold. */
async function* readOwn(
  store: ObjectStore,
  { files: { files }, copy }: CheckpointToRead,
  columns: Columns,
): AsyncGenerator<readonly Action[]> {
  if (copy !== null) {
    yield copy.actions;
    return;
  }
  for (const file of files) {
    if (file.path.endsWith('.json')) {
      const { bytes } = await store.get(file.path);
      yield parseCommit(bytes, file.path);
    } else {
      yield* readParquet(store, file, columns);
    }
  }
}

async function* readParquet(
  store: ObjectStore,
  file: Pick<ObjectMeta, 'path' | 'sizeBytes'>,
  columns: Columns,
): AsyncGenerator<readonly Action[]> {
  const { readFooter, readRows, storeSource } = await import('../parquet/index.ts');
  const source = storeSource(store, file.path, file);
  const footer = await readFooter(source);
  let rowNumber = 0;
  let batch: Action[] = [];
  for await (const row of readRows(source, footer, { columns })) {
    rowNumber += 1;
    const line = rowJson(row);
    if (line !== null) batch.push(...decodeAction(line, file.path, rowNumber));
    if (batch.length >= BATCH_ACTIONS) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

/** A row as the line of a commit would be, or null for a row without an action that is wanted. */
function rowJson(row: Readonly<Record<string, unknown>>): JsonObject | null {
  for (const name in KEYS) {
    const members = row[name] as JsonValue | undefined;
    const key = KEYS[name];
    if (key === undefined || !isJsonObject(members)) continue;
    if (members[key] !== null && members[key] !== undefined) return { [name]: plain(members) };
  }
  return null;
}

/** 64-bit numbers come as `bigint`; actions have a plain number wherever one is exact. */
function plain(members: JsonObject): JsonObject {
  const result: Record<string, JsonValue | undefined> = {};
  for (const name in members) {
    const value = members[name];
    if (typeof value === 'bigint') result[name] = numberOf(value);
    else result[name] = isJsonObject(value) ? plain(value) : value;
  }
  return result;
}

function numberOf(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
