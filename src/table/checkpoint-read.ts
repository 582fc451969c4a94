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
import { bytesOf, type FileSegment, readSegment, type SegmentSource } from './file-segment.ts';
import type { PartitionTable } from './partition-table.ts';

/** The columns of a checkpoint by what they are wanted for. */
type Names = readonly (keyof typeof KEYS)[];

const HEAD: Names = ['protocol', 'metaData'];
const FILES: Names = ['remove', 'add'];
const ALL: Names = [...HEAD, 'txn', 'domainMetadata', 'checkpointMetadata', 'sidecar', ...FILES];

/** Of an add; parsed statistics and partition values are never asked for. */
const ADD_MEMBERS = [
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
] as const;

/** The member that says whether a row holds the action: some writers fill the others in with nothing. */
const KEYS = {
  protocol: 'minReaderVersion',
  metaData: 'id',
  txn: 'appId',
  domainMetadata: 'domain',
  add: 'path',
  remove: 'path',
  checkpointMetadata: 'version',
  sidecar: 'path',
} as const;

/** A checkpoint, and what is known of its own file without reading it: null where nothing is. */
export interface CheckpointToRead {
  readonly files: CheckpointFiles;
  readonly copy: CheckpointCopy | null;
}

/** Some of what a checkpoint holds. */
export type CheckpointPart =
  | { readonly kind: 'actions'; readonly actions: readonly Action[] }
  | { readonly kind: 'files'; readonly segment: FileSegment };

/** The actions of a checkpoint, in batches: as `readCheckpointParts`, with files as actions too. */
export async function* readCheckpoint(
  store: ObjectStore,
  checkpoint: CheckpointToRead,
): AsyncGenerator<readonly Action[]> {
  for await (const part of readCheckpointParts(store, checkpoint, null)) {
    if (part.kind === 'actions') yield part.actions;
  }
}

/**
 * All of a checkpoint that a snapshot is made of, sidecars included: files as columns, where there is a table for their
 * partitions and their layout allows it. `LOG_CORRUPT`, a `PARQUET_…` error or one of the store where it is not whole, which
 * may show after the last part only.
 */
export async function* readCheckpointParts(
  store: ObjectStore,
  checkpoint: CheckpointToRead,
  table: PartitionTable | null,
): AsyncGenerator<CheckpointPart> {
  const contents = new CheckpointContents(checkpoint.files);
  for await (const part of readOwn(store, checkpoint, ALL, table)) {
    if (part.kind === 'actions') contents.take(part.actions);
    yield part;
  }
  for (const file of await describeSidecars(store, contents.sidecars())) {
    for await (const part of readParquet(store, file, FILES, table)) {
      if (part.kind === 'actions') contents.takeSidecar(part.actions.length);
      else contents.takeSidecar(fileCountOf(part.segment));
      yield part;
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
  for await (const part of readOwn(store, checkpoint, HEAD, null)) {
    if (part.kind === 'actions') contents.take(part.actions);
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

/** What the checkpoint's own files hold; files as columns where there is a table of partitions. */
async function* readOwn(
  store: ObjectStore,
  { files: { files }, copy }: CheckpointToRead,
  names: Names,
  table: PartitionTable | null,
): AsyncGenerator<CheckpointPart> {
  if (copy !== null) {
    yield { kind: 'actions', actions: copy.actions };
    return;
  }
  for (const file of files) {
    if (file.path.endsWith('.json')) {
      const { bytes } = await store.get(file.path);
      yield { kind: 'actions', actions: parseCommit(bytes, file.path) };
    } else {
      yield* readParquet(store, file, names, table);
    }
  }
}

async function* readParquet(
  store: ObjectStore,
  file: Pick<ObjectMeta, 'path' | 'sizeBytes'>,
  names: Names,
  table: PartitionTable | null,
): AsyncGenerator<CheckpointPart> {
  const parquet = await import('../parquet/index.ts');
  const local = table === null ? null : store.localFile(file.path);
  const held = local === null ? null : parquet.HeldFile.open(file.path, local);
  const source = held ?? parquet.storeSource(store, file.path, file);
  const footer = await parquet.readFooter(source);
  for (const rowGroup of footer.rowGroups.keys()) {
    const from = { parquet, source, held, footer, rowGroup };
    const segment =
      table === null || !names.includes('add') ? null : await readSegment(from, table);
    if (segment !== null && segment.isFile?.includes(1) !== false) yield { kind: 'files', segment };
    yield* readActions(from, segment === null ? names : names.filter((name) => name !== 'add'));
  }
}

/** The actions of a row group in the columns `names`. */
async function* readActions(from: SegmentSource, names: Names): AsyncGenerator<CheckpointPart> {
  const { source } = from;
  const found = await findActions(from, names);
  if (found.names.length === 0) return;
  const columns = found.names.flatMap((name): readonly (readonly string[])[] =>
    name === 'add' ? ADD_MEMBERS.map((member) => ['add', member]) : [[name]],
  );
  let lineNumber = 0;
  let batch: Action[] = [];
  for await (const row of readRows(from, columns, found.rows)) {
    lineNumber += 1;
    const line = rowJson(row);
    if (line !== null) batch.push(...decodeAction(line, source.name, lineNumber));
    if (batch.length >= BATCH_ACTIONS) {
      yield { kind: 'actions', actions: batch };
      batch = [];
    }
  }
  yield { kind: 'actions', actions: batch };
}

/** Some rows of a row group, or all. */
async function* readRows(
  from: SegmentSource,
  columns: readonly (readonly string[])[],
  rows: readonly number[] | null,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const { parquet, source, footer, rowGroup } = from;
  const leaves = { footer, rowGroup, columns, file: source.name };
  const own =
    rows === null
      ? null
      : await parquet.readLeafRows({ ...leaves, bytesOf: (chunk) => bytesOf(from, chunk) }, rows);
  if (own !== null) {
    yield* own;
    return;
  }
  const options = { columns, rowGroups: [rowGroup] };
  yield* parquet.readRows(source, footer, rows === null ? options : { ...options, rows });
}

/**
 * Which of the columns hold any action in a row group, and in which rows; null for all, where that cannot be told from
 * the members that are always there.
 */
async function findActions(
  from: SegmentSource,
  names: Names,
): Promise<{ readonly names: Names; readonly rows: readonly number[] | null }> {
  const { parquet, source, footer, rowGroup } = from;
  const held: (keyof typeof KEYS)[] = [];
  const rows = new Set<number>();
  let isKnown = true;
  for (const name of names) {
    const leaf = parquet.leafAt(footer.columns, [name, KEYS[name]]);
    const chunk = leaf === null ? null : parquet.chunkOf(footer, rowGroup, leaf.path);
    if (leaf === null || chunk === null) continue;
    if (chunk.statistics?.nullCount === BigInt(chunk.valueCount)) continue;
    const bytes = parquet.isReadable(leaf, chunk) ? await bytesOf(from, chunk) : null;
    const opened =
      bytes === null ? null : parquet.openLeaf({ leaf, chunk, bytes, file: source.name });
    if (opened === null) {
      isKnown = false;
      held.push(name);
      continue;
    }
    const levels = new parquet.LeafReader(opened).definition();
    const before = rows.size;
    for (let row = 0; row < opened.valueCount; row += 1) {
      if (levels === null || levels[row] === leaf.definitionMax) rows.add(row);
    }
    if (rows.size > before) held.push(name);
  }
  return { names: held, rows: isKnown ? [...rows].sort((a, b) => a - b) : null };
}

/** A row as the line of a commit would be, or null for a row without an action that is wanted. */
function rowJson(row: Readonly<Record<string, unknown>>): JsonObject | null {
  for (const [name, key] of Object.entries(KEYS)) {
    const members = row[name] as JsonValue | undefined;
    if (!isJsonObject(members)) continue;
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

function fileCountOf({ isFile, rowCount }: FileSegment): number {
  return isFile === null ? rowCount : isFile.reduce((count, it) => count + it, 0);
}
