/**
 * A job's checkpoint directory, in the format of Spark's Structured Streaming, so that Spark can go on where a job of
 * ours stopped, and the other way round:
 *
 *     metadata      {"id":"<uuid>"}
 *     offsets/N     v1↵{"batchWatermarkMs":0,"batchTimestampMs":…,"conf":{…}}↵{"logOffset":4}     before batch N runs
 *     commits/N     v1↵{"nextBatchWatermarkMs":0}                                                 after its sink
 *     sources/0/N   the files of the source: `source-log.ts`
 *
 * Every file is put if absent and never changed; `↵` is one line feed, and none ends a file. Names that are not a
 * number (`.0.crc`, `.0.<uuid>.tmp`) are Hadoop's own and are passed over, and so is `state/`, where Spark's stateful
 * queries keep what ours find in the sink. A batch with offsets and no commit was
 * planned and perhaps done: it runs again, with the files it was planned with.
 */

import { createHash } from 'node:crypto';

import {
  type Clock,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  printJson,
  type Random,
} from '../base/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { checkpointBroken, checkpointVersion } from './errors.ts';
import { putIfAbsent, readText, writeOnce } from './write-once.ts';

/** Batches whose offsets and commits are kept, as Spark's `spark.sql.streaming.minBatchesToRetain`. */
const BATCHES_KEPT = 100;
const TIDY_EVERY_BATCHES = 10;

// Spark 4.2 does not start on a checkpoint whose conf lacks this one; its value matters to stateful programs only.
const DEFAULT_CONF = { 'spark.sql.shuffle.partitions': '200' };

export interface Checkpoint {
  /** Rooted at the directory. */
  readonly store: ObjectStore;
  /** Lives as long as the directory: what the table's `txn` is keyed by. */
  readonly id: string;
  /** The last batch with offsets, or null before the first. */
  readonly planned: number | null;
  /** The last batch with a commit, or null before the first. */
  readonly committed: number | null;
}

/** What `offsets/N` holds. */
export interface BatchOffsets {
  /** One a source, in order: the JSON text of its exclusive or inclusive end; null where it has none. */
  readonly sources: readonly (string | null)[];
  readonly batchTimestampMs: number;
  readonly batchWatermarkMs: number;
  /** What the next batch begins with: Spark's stateful queries move it; ours keep it. */
  readonly nextWatermarkMs: number;
  readonly conf: JsonObject;
  /** SHA-256 of the file, in hexadecimal: which plan a commit was made from. */
  readonly digest: string;
}

/**
 * Opens the checkpoint below `store`, or starts one: the id is drawn and written before anything else.
 * Errors: `CHECKPOINT_BROKEN`, `CHECKPOINT_VERSION`.
 */
export async function openCheckpoint(store: ObjectStore, random: Random): Promise<Checkpoint> {
  const [offsets, commits] = await Promise.all([
    listBatches(store, 'offsets'),
    listBatches(store, 'commits'),
  ]);
  const planned = offsets.at(-1) ?? null;
  const committed = commits.at(-1) ?? null;
  checkOrder(store, planned, committed);
  const known = await readText(store, 'metadata');
  if (known === null && planned !== null) {
    throw checkpointBroken(
      store.uri,
      'metadata',
      'batches are there, but the file with its id is missing',
    );
  }
  const id = known === null ? await startCheckpoint(store, random) : parseId(store, known);
  return { store, id, planned, committed };
}

/** True where the last planned batch has no commit yet and must be run again. */
export function isPending(checkpoint: Checkpoint): boolean {
  return checkpoint.planned !== null && checkpoint.planned !== checkpoint.committed;
}

/** Errors: `CHECKPOINT_BROKEN` where the batch has no offsets or they cannot be read; `CHECKPOINT_VERSION`. */
export async function readOffsets(checkpoint: Checkpoint, batch: number): Promise<BatchOffsets> {
  const { store } = checkpoint;
  const file = `offsets/${batch}`;
  const text = await readText(store, file);
  if (text === null) throw checkpointBroken(store.uri, file, 'the offsets of a batch are missing');
  const [, head = '', ...sources] = splitVersioned(store, file, text);
  const values = parseObject(store, file, head);
  const batchWatermarkMs = numberOr(values['batchWatermarkMs'], 0);
  return {
    sources: sources.map((line) => (line === '-' ? null : line)),
    batchTimestampMs: numberOr(values['batchTimestampMs'], 0),
    batchWatermarkMs,
    nextWatermarkMs: await readNextWatermark(store, batch, batchWatermarkMs),
    conf: isJsonObject(values['conf']) ? values['conf'] : DEFAULT_CONF,
    digest: digestOf(text),
  };
}

/**
 * Plans batch `batch`: writes its offsets, once. Watermark and conf go on from `previous`, so that a checkpoint Spark
 * began keeps what Spark put there. Errors: `JOB_CONCURRENT` where another process planned the batch otherwise.
 */
export async function writeOffsets(
  checkpoint: Checkpoint,
  clock: Clock,
  plan: {
    readonly batch: number;
    readonly sources: readonly string[];
    readonly previous: BatchOffsets | null;
  },
): Promise<BatchOffsets> {
  const batchTimestampMs = clock.now();
  const batchWatermarkMs = plan.previous?.nextWatermarkMs ?? 0;
  const conf = { ...DEFAULT_CONF, ...plan.previous?.conf };
  const head = printJson({ batchWatermarkMs, batchTimestampMs, conf });
  const text = ['v1', head, ...plan.sources].join('\n');
  await writeOnce(checkpoint.store, `offsets/${plan.batch}`, text);
  return {
    sources: plan.sources,
    batchTimestampMs,
    batchWatermarkMs,
    nextWatermarkMs: batchWatermarkMs,
    conf,
    digest: digestOf(text),
  };
}

/** Says that everything of the batch is done. Written twice with the same content it is the same. */
export async function writeCommit(
  checkpoint: Checkpoint,
  batch: number,
  offsets: BatchOffsets,
): Promise<void> {
  const body = printJson({ nextBatchWatermarkMs: offsets.nextWatermarkMs });
  await writeOnce(checkpoint.store, `commits/${batch}`, `v1\n${body}`);
}

/**
 * Whether a job that goes on should tidy after the batch, its checkpoint (`cleanCheckpoint`), source and sink: what is
 * deleted is found by listing, which costs more than a small batch.
 */
export function isTidyDue(batch: number): boolean {
  return batch % TIDY_EVERY_BATCHES === TIDY_EVERY_BATCHES - 1;
}

/** Deletes the offsets and commits of batches more than `BATCHES_KEPT` behind `batch`. */
export async function cleanCheckpoint(checkpoint: Checkpoint, batch: number): Promise<void> {
  const { store } = checkpoint;
  for (const folder of ['commits', 'offsets']) {
    const old = (await listBatches(store, folder)).filter((known) => known <= batch - BATCHES_KEPT);
    await store.delete(old.flatMap((known) => [`${folder}/${known}`, `${folder}/.${known}.crc`]));
  }
}

/** The numbers of the batches that have a file directly in `folder`, rising. */
export async function listBatches(store: ObjectStore, folder: string): Promise<number[]> {
  const batches: number[] = [];
  for await (const { path } of store.list(folder)) {
    const name = path.slice(folder.length + 1);
    if (/^\d{1,15}$/.test(name)) batches.push(Number(name));
  }
  return batches.sort((a, b) => a - b);
}

/** The lines of a file after its first, which must be `v1`; line 0 of the result is that first one. */
export function splitVersioned(store: ObjectStore, file: string, text: string): string[] {
  const lines = text.split('\n');
  const version = lines[0] ?? '';
  if (version === 'v1') return lines;
  if (/^v\d+$/.test(version)) throw checkpointVersion(store.uri, file, version);
  throw checkpointBroken(store.uri, file, 'a file does not start with its version, "v1"');
}

/** One JSON object of a checkpoint's file. Errors: `CHECKPOINT_BROKEN`. */
export function parseObject(store: ObjectStore, file: string, text: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw checkpointBroken(store.uri, file, `a line is not JSON (${error.message})`);
  }
  if (!isJsonObject(value)) throw checkpointBroken(store.uri, file, 'a line is not a JSON object');
  return value;
}

function checkOrder(store: ObjectStore, planned: number | null, committed: number | null): void {
  if (committed === null) return;
  const latest = planned ?? -1;
  if (committed > latest || committed < latest - 1) {
    throw checkpointBroken(
      store.uri,
      `commits/${committed}`,
      `the last batch committed is ${committed}, and the last one planned is ${latest}`,
    );
  }
}

/** From the batch's commit, whatever its version: stateful queries write more of them, and this one line is the same. */
async function readNextWatermark(
  store: ObjectStore,
  batch: number,
  otherwise: number,
): Promise<number> {
  const file = `commits/${batch}`;
  const text = await readText(store, file);
  const line = text?.split('\n')[1] ?? '';
  if (line === '') return otherwise;
  return numberOr(parseObject(store, file, line)['nextBatchWatermarkMs'], otherwise);
}

async function startCheckpoint(store: ObjectStore, random: Random): Promise<string> {
  const id = random.uuid();
  if (await putIfAbsent(store, 'metadata', printJson({ id }))) return id;
  return parseId(store, (await readText(store, 'metadata')) ?? '');
}

function parseId(store: ObjectStore, text: string): string {
  const { id } = parseObject(store, 'metadata', text);
  if (typeof id === 'string' && id !== '') return id;
  throw checkpointBroken(store.uri, 'metadata', 'the file holds no id');
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function numberOr(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
