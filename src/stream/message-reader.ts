/**
 * Messages of planned ranges as Parquet files: one pass, partition by partition in order, so that of messages with one
 * key the same one stays whenever the batch is read. What cannot be read is handed over as it came.
 */

import pLimit from 'p-limit';

import { present } from '../base/index.ts';
import type { KeySet } from '../parquet/index.ts';
import { compareUtf8 } from '../store/index.ts';
import type { Broker, KafkaRecord, OffsetRange, RecordFields } from './kafka/types.ts';
import type { Payloads } from './message-payloads.ts';
import { fault, type MessageFault } from './message-fault.ts';
import { MessageFields } from './message-fields.ts';
import { PartitionRows, type RowsSpec } from './partition-rows.ts';
import { RowsPool } from './rows-pool.ts';
import { finishFiles, type MessageFile } from './message-files.ts';

export interface MessageSpec extends RowsSpec {
  /** Headers without whose value a message makes no row. */
  readonly required: readonly string[];
  /** A header: of messages that have the same value, one makes a row. */
  readonly key: string | null;
  /** Whether a message without a value makes a row, with a null for its payload. */
  readonly tombstones: boolean;
}

/** A message that makes no row, as it came. */
export interface DeadLetter extends MessageFault {
  readonly topic: string;
  readonly partition: number;
  readonly record: RecordFields;
}

export interface ReadMessages {
  /** In the order of topic, partition and date; none without rows. */
  readonly files: readonly MessageFile[];
  readonly messageCount: number;
  /** Of keys and values. */
  readonly sizeBytes: number;
  readonly duplicateCount: number;
  readonly deadLetterCount: number;
}

export interface ReadMessagesOptions {
  /** The keys of the rows of this batch; filled while it is read. Null where messages may have the same. */
  readonly seen: KeySet | null;
  /** Whether the key in bytes `start` to `end` has entered before; null where that does not matter. */
  readonly isKnown: ((bytes: Uint8Array, start: number, end: number) => boolean) | null;
  /** Called for each message that makes no row; the record is its own copy. */
  readonly onDeadLetter: (letter: DeadLetter) => Promise<void> | void;
  readonly signal?: AbortSignal | undefined;
}

interface ReaderParts {
  readonly broker: Broker;
  readonly spec: MessageSpec;
  readonly payloads: Payloads;
}

/** Partitions that are fetched at once; their records are taken in turn. */
const FETCHES_MAX = 8;

/** Reads one batch at a time. */
export class MessageReader {
  readonly #broker: Broker;
  readonly #spec: MessageSpec;
  readonly #payloads: Payloads;
  readonly #pool: RowsPool;
  readonly #message: MessageFields;
  readonly #requiredSlots: readonly number[];
  readonly #keySlot: number;

  private constructor({ broker, spec, payloads }: ReaderParts, pool: RowsPool) {
    this.#broker = broker;
    this.#spec = spec;
    this.#payloads = payloads;
    this.#pool = pool;
    this.#message = new MessageFields(spec);
    const slotOf = (name: string): number =>
      spec.headers.fields.findIndex((field) => field.name === name);
    this.#requiredSlots = spec.required.map(slotOf);
    this.#keySlot = spec.key === null ? -1 : slotOf(spec.key);
  }

  static async open(parts: ReaderParts): Promise<MessageReader> {
    const arrow = await import('apache-arrow');
    return new MessageReader(parts, new RowsPool(arrow, parts.spec, parts.payloads));
  }

  /** The rows of `ranges`. Errors: those of the broker and of what decodes payloads. */
  async read(ranges: readonly OffsetRange[], options: ReadMessagesOptions): Promise<ReadMessages> {
    const batch = new Batch(this.#spec, this.#payloads, this.#pool);
    const ordered = ranges.filter(({ start, end }) => end > start).sort(byPartition);
    options.seen?.reserve(ordered.reduce((sum, { start, end }) => sum + end - start, 0));
    const limit = pLimit(FETCHES_MAX);
    const failed = new AbortController();
    const signals = [failed.signal, options.signal].filter((it) => it !== undefined);
    const signal = AbortSignal.any(signals);
    let before = Promise.resolve();
    const fetches = ordered.map((range) => {
      const turn = before;
      const fetch = limit(() => this.#fetch(range, { turn, batch, options, signal }));
      before = fetch.catch((error: unknown) => failed.abort(error));
      return fetch;
    });
    // Nothing is read any more when this returns, nor when it throws what failed first.
    await Promise.allSettled(fetches);
    failed.signal.throwIfAborted();
    options.signal?.throwIfAborted();
    return batch.result();
  }

  /** Every key of the messages in `ranges`, in no order; nothing else is looked at. */
  async readKeys(
    ranges: readonly OffsetRange[],
    onKey: (key: Uint8Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const limit = pLimit(FETCHES_MAX);
    const message = this.#message;
    const slot = this.#keySlot;
    const take = (records: readonly KafkaRecord[]): void => {
      for (const record of records) {
        message.open(record);
        const end = message.ends[slot] ?? -1;
        if (end >= 0) onKey(message.memory.subarray(message.starts[slot], end));
      }
    };
    await Promise.all(ranges.map((range) => limit(() => this.#broker.fetch(range, take, signal))));
  }

  /** One range; its records are taken when those of the ranges before it have been. */
  async #fetch(
    range: OffsetRange,
    {
      turn,
      batch,
      options,
      signal,
    }: {
      readonly turn: Promise<void>;
      readonly batch: Batch;
      readonly options: ReadMessagesOptions;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const partition = batch.partition(range);
    await this.#broker.fetch(
      range,
      async (records) => {
        await turn;
        signal.throwIfAborted();
        await this.#append(records, partition, { batch, options });
      },
      signal,
    );
    await turn;
    await partition.flush();
  }

  async #append(
    records: readonly KafkaRecord[],
    partition: PartitionRows,
    { batch, options }: { readonly batch: Batch; readonly options: ReadMessagesOptions },
  ): Promise<void> {
    const message = this.#message;
    for (const record of records) {
      message.open(record);
      batch.messageCount += 1;
      batch.sizeBytes += fieldBytes(message.keyStart, message.keyEnd);
      batch.sizeBytes += fieldBytes(message.valueStart, message.valueEnd);
      let broken = this.#check(message);
      if (broken === null) {
        const keyCount = options.seen?.size ?? 0;
        const isNew = this.#enters(message, options);
        // A promise only where a file is begun: waiting for each row would cost more than taking it.
        const taken = isNew ? partition.append(message) : partition.tryOut(message);
        broken = taken instanceof Promise ? await taken : taken;
        if (broken !== null) options.seen?.truncate(keyCount);
        else if (!isNew) batch.duplicateCount += 1;
      }
      if (broken !== null) await this.#bury(record, broken, { partition, batch, options });
    }
  }

  /** What is wrong with a message, apart from its value. */
  #check(message: MessageFields): MessageFault | null {
    if (message.valueEnd < 0 && !this.#spec.tombstones) {
      return fault('MESSAGE_NO_VALUE', 'the message has no value');
    }
    const bad = message.check();
    if (bad !== null) return bad;
    for (const slot of this.#requiredSlots) {
      if (fieldBytes(message.starts[slot] ?? 0, message.ends[slot] ?? -1) > 0) continue;
      const { name } = present(this.#spec.headers.fields[slot], 'a required header');
      return fault('MESSAGE_NO_KEY', `the header ${name} is missing or empty`);
    }
    return null;
  }

  /** Whether the key of a message is new; from then on it is not. One without a key always is. */
  #enters({ memory, starts, ends }: MessageFields, options: ReadMessagesOptions): boolean {
    const { seen, isKnown } = options;
    const end = ends[this.#keySlot] ?? -1;
    if (end < 0) return true;
    const start = starts[this.#keySlot] ?? 0;
    if (isKnown !== null && isKnown(memory, start, end)) return false;
    return seen === null || seen.add(memory, start, end);
  }

  #bury(
    record: KafkaRecord,
    why: MessageFault,
    at: {
      readonly partition: PartitionRows;
      readonly batch: Batch;
      readonly options: ReadMessagesOptions;
    },
  ): Promise<void> | void {
    const { topic, partition } = at.partition.range;
    at.batch.deadLetterCount += 1;
    return at.options.onDeadLetter({ ...why, topic, partition, record: copyOf(record) });
  }
}

class Batch {
  readonly #spec: MessageSpec;
  readonly #payloads: Payloads;
  readonly #pool: RowsPool;
  readonly #partitions: PartitionRows[] = [];
  messageCount = 0;
  sizeBytes = 0;
  duplicateCount = 0;
  deadLetterCount = 0;

  constructor(spec: MessageSpec, payloads: Payloads, pool: RowsPool) {
    this.#spec = spec;
    this.#payloads = payloads;
    this.#pool = pool;
  }

  partition(range: OffsetRange): PartitionRows {
    const parts = { spec: this.#spec, payloads: this.#payloads, pool: this.#pool };
    const rows = new PartitionRows(range, parts);
    this.#partitions.push(rows);
    return rows;
  }

  async result(): Promise<ReadMessages> {
    const drafts = this.#partitions
      .sort((left, right) => byPartition(left.range, right.range))
      .flatMap((partition) => partition.drafts());
    const { messageCount, sizeBytes, duplicateCount, deadLetterCount } = this;
    const files = await finishFiles(drafts, this.#spec.codec);
    return { files, messageCount, sizeBytes, duplicateCount, deadLetterCount };
  }
}

function byPartition(left: OffsetRange, right: OffsetRange): number {
  return compareUtf8(left.topic, right.topic) || left.partition - right.partition;
}

function fieldBytes(start: number, end: number): number {
  return end < 0 ? 0 : end - start;
}

/** Records are the broker's again when their portion has been taken. */
function copyOf(record: KafkaRecord): RecordFields {
  const copy = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);
  const { key, value } = record;
  return {
    offset: record.offset,
    timestampMs: record.timestampMs,
    key: key === null ? null : copy(key),
    value: value === null ? null : copy(value),
    headers: record.headers.map(([name, value]) => [
      copy(name),
      value === null ? null : copy(value),
    ]),
  };
}
