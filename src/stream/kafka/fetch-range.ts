/** Reads one planned range of a partition: the next answer is under way while the last one is handed over. */

import { setImmediate as nextTurn } from 'node:timers/promises';

import { committedBatches } from './abort-filter.ts';
import { AnswerRoom } from './broker-connection.ts';
import type { Cluster } from './cluster.ts';
import {
  BrokerRefusal,
  type KafkaCall,
  offsetOutOfRange,
  recordsBroken,
  recordsUnsupported,
} from './errors.ts';
import { type FetchAnswer, requestFetch } from './fetch-request.ts';
import { type Batch, BatchFault, isAbortMarker, readBatches, readRecords } from './record-batch.ts';
import { RecordPortion } from './record-view.ts';
import type { KafkaRecord, OffsetRange } from './types.ts';

export interface FetchOptions {
  readonly range: OffsetRange;
  readonly committedOnly: boolean;
  readonly onRecords: (records: readonly KafkaRecord[]) => void | Promise<void>;
  /** Earliest and latest offset now, for the message of an error. */
  readonly bounds: () => Promise<{ readonly earliest: number; readonly latest: number }>;
  readonly signal?: AbortSignal;
}

/** Answers without records in a row: after so many, a readable range has none left, and another one never will. */
const EMPTY_ANSWERS_MAX = 8;
const EMPTY_PAUSE_MS = 50;
/** Kafka's protocol guide, "Error Codes". */
const OFFSET_OUT_OF_RANGE = 1;

/** As `Broker.fetch` promises. */
export async function fetchRange(cluster: Cluster, options: FetchOptions): Promise<void> {
  const { range, onRecords, signal } = options;
  let position = range.start;
  let emptyCount = 0;
  let next: Promise<Portion> | null = null;
  const records = new RecordPortion();
  // One for the portion that is handed over, one for the answer that is under way.
  let [room, otherRoom] = [new AnswerRoom(), new AnswerRoom()];
  while (position < range.end) {
    const portion: Portion = await (next ?? ask(cluster, options, { position, room }));
    next = null;
    if (portion.batches.length === 0) {
      // A throttled client is sent away with nothing, whatever there is.
      if (portion.answer.throttleMs === 0) emptyCount += 1;
      await checkEmpty(cluster, options, { portion, position, emptyCount });
      if (emptyCount >= EMPTY_ANSWERS_MAX) return;
      continue;
    }
    emptyCount = 0;
    const from = position;
    position = Math.max(position, (portion.batches.at(-1)?.lastOffset ?? -1) + 1);
    if (position < range.end) {
      [room, otherRoom] = [otherRoom, room];
      next = ask(cluster, options, { position, room });
      // Where this call fails meanwhile nobody waits for the answer any more, nor for its failure.
      next.catch(() => undefined);
      // Lets the request out before decoding takes the thread.
      await nextTurn();
    }
    readPortion(cluster, options, portion, { start: from, records });
    const taken = records.take();
    if (taken.length > 0) await onRecords(taken);
    signal?.throwIfAborted();
  }
}

interface Portion {
  readonly answer: FetchAnswer;
  readonly batches: readonly Batch[];
}

async function ask(
  cluster: Cluster,
  options: FetchOptions,
  { position: offset, room }: { readonly position: number; readonly room: AnswerRoom },
): Promise<Portion> {
  const { range, committedOnly, signal } = options;
  const { topic, partition } = range;
  const call = { operation: 'fetch', topic, partition };
  const answer = await cluster.call(
    call,
    async () => {
      const leader = await cluster.leader(topic, partition);
      try {
        const request = { topic, partition, offset, committedOnly, room };
        return await abortable(requestFetch(leader, request), signal);
      } catch (error) {
        if (!isOutOfRange(error)) throw error;
        throw offsetOutOfRange({ broker: cluster.name, ...call }, await facts(options, offset));
      }
    },
    signal,
  );
  const { packing } = cluster;
  const batches = guarded(callOf(cluster, options), offset, () =>
    readBatches(answer.log, (bytes) => packing.checksum(bytes)),
  );
  for (const { codec } of batches) await packing.load(codec);
  return { answer, batches };
}

/**
 * An answer without records. Where the range's end is readable, its last offsets hold none (compaction may take the last
 * batch of a log), which is believed after several answers. Where it is not, the log lost what the plan saw.
 */
async function checkEmpty(
  cluster: Cluster,
  options: FetchOptions,
  seen: { readonly portion: Portion; readonly position: number; readonly emptyCount: number },
): Promise<void> {
  const { throttleMs, readableEnd } = seen.portion.answer;
  if (readableEnd < options.range.end && seen.emptyCount >= EMPTY_ANSWERS_MAX) {
    throw offsetOutOfRange(callOf(cluster, options), await facts(options, seen.position));
  }
  await cluster.sleep(Math.max(throttleMs, EMPTY_PAUSE_MS), options.signal);
}

function readPortion(
  cluster: Cluster,
  options: FetchOptions,
  { answer, batches }: Portion,
  { start, records }: { readonly start: number; readonly records: RecordPortion },
): void {
  guarded(callOf(cluster, options), start, () => {
    const aborted = options.committedOnly ? answer.aborted : [];
    for (const batch of committedBatches(batches, aborted, isAbortMarker)) {
      if (batch.baseOffset >= options.range.end) break;
      const unpacked = unpackBatch(cluster, batch);
      readRecords(batch, unpacked, { start, end: options.range.end }, records);
    }
  });
}

function unpackBatch(cluster: Cluster, batch: Batch): Buffer {
  try {
    return cluster.packing.unpack(batch.codec, batch.records);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BatchFault('broken', `${batch.codec}: ${reason}`, batch.baseOffset);
  }
}

function guarded<T>(call: KafkaCall, position: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof BatchFault)) throw error;
    const offset = error.offset < 0 ? position : error.offset;
    if (error.kind === 'unsupported') throw recordsUnsupported(call, error.message, offset);
    throw recordsBroken(call, error.message, offset);
  }
}

function callOf(cluster: Cluster, { range }: FetchOptions): KafkaCall {
  const { topic, partition } = range;
  return { broker: cluster.name, operation: 'fetch', topic, partition };
}

async function facts(
  { range, bounds }: FetchOptions,
  offset: number,
): Promise<Parameters<typeof offsetOutOfRange>[1]> {
  return { offset, end: range.end, ...(await bounds()) };
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof BrokerRefusal && error.answer === OFFSET_OUT_OF_RANGE;
}

/** The same, but gives up waiting when `signal` says so; the answer is then nobody's. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
