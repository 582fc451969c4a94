/** Classic checkpoints as actions. PROTOCOL.md, "Checkpoint Schema". */

import { isJsonObject, type JsonObject, type JsonValue } from '../base/index.ts';
import {
  type Action,
  type CheckpointFiles,
  decodeAction,
  type Metadata,
  type Protocol,
} from '../log/index.ts';
import type { ObjectStore } from '../store/index.ts';

/** Columns by their paths; those of parsed statistics and partition values are never asked for. */
type Columns = readonly (readonly string[])[];

const HEAD: Columns = [['protocol'], ['metaData']];

const ALL: Columns = [
  ...HEAD,
  ['txn'],
  ['domainMetadata'],
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

/** The member that says whether a row holds the action: some writers fill the others in with nothing. */
const KEYS: Readonly<Record<string, string>> = {
  protocol: 'minReaderVersion',
  metaData: 'id',
  txn: 'appId',
  domainMetadata: 'domain',
  add: 'path',
  remove: 'path',
};

/** The actions of a checkpoint, in batches: all that a snapshot is made of. */
export async function* readCheckpoint(
  store: ObjectStore,
  checkpoint: CheckpointFiles,
): AsyncGenerator<Action[]> {
  yield* readActions(store, checkpoint, ALL);
}

/** The protocol and metadata of a checkpoint; null for what it does not hold. */
export async function readCheckpointHead(
  store: ObjectStore,
  checkpoint: CheckpointFiles,
): Promise<{ readonly protocol: Protocol | null; readonly metadata: Metadata | null }> {
  let protocol: Protocol | null = null;
  let metadata: Metadata | null = null;
  for await (const actions of readActions(store, checkpoint, HEAD)) {
    for (const action of actions) {
      if (action.kind === 'protocol') protocol = action.protocol;
      if (action.kind === 'metaData') metadata = action.metaData;
    }
    if (protocol !== null && metadata !== null) break;
  }
  return { protocol, metadata };
}

const BATCH_ACTIONS = 1_024;

async function* readActions(
  store: ObjectStore,
  checkpoint: CheckpointFiles,
  columns: Columns,
): AsyncGenerator<Action[]> {
  const { readFooter, readRows, storeSource } = await import('../parquet/index.ts');
  for (const file of checkpoint.files) {
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
