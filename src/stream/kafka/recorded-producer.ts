/** Produces into the files of a recorded broker: each is replaced as a whole, by compare-and-swap. */

import { isDeltaError, isJsonObject, parseJson } from '../../base/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { fenced, notTransactional, recordingBusy } from './errors.ts';
import { partitionOfKey } from './partitioner.ts';
import {
  type Marker,
  printMarker,
  printRecord,
  type RecordedPartition,
  readRecording,
  recordedFile,
} from './recorded-file.ts';
import type { ProducedRecord, Producer } from './types.ts';

const ATTEMPTS_MAX = 50;
const EMPTY = new Uint8Array(0);

export interface RecordedProducerOptions {
  readonly name: string;
  readonly write: ObjectStore;
  readonly transactionalId: string | null;
  /** At least 1. */
  readonly partitionCount: (topic: string) => Promise<number>;
}

/** With a transactional id, producers that began earlier are fenced when this resolves. */
export async function openRecordedProducer(options: RecordedProducerOptions): Promise<Producer> {
  const { write, transactionalId } = options;
  const epoch = transactionalId === null ? 0 : await nextEpoch(write, transactionalId);
  return new RecordedProducer(options, epoch);
}

class RecordedProducer implements Producer {
  readonly #options: RecordedProducerOptions;
  readonly #epoch: number;
  #turn = 0;

  constructor(options: RecordedProducerOptions, epoch: number) {
    this.#options = options;
    this.#epoch = epoch;
  }

  async send(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    await this.#checkEpoch();
    const partitions = await this.#assign(topic, records);
    for (const [partition, each] of partitions.entries()) {
      if (each.length === 0) continue;
      const file = recordedFile(topic, partition);
      await append(this.#options.write, file, (there) => printAll(there, each));
    }
  }

  /**
   * Each partition takes its records together with the marker, in one write. A transaction that was cut short between two
   * partitions is made whole when it is run again: those that have the marker are passed over.
   */
  async transact(
    topic: string,
    records: readonly ProducedRecord[] | AsyncIterable<readonly ProducedRecord[]>,
    marker: Marker,
  ): Promise<void> {
    if (this.#options.transactionalId === null) throw notTransactional(this.#options.name);
    await this.#checkEpoch();
    const all = Symbol.asyncIterator in records ? (await Array.fromAsync(records)).flat() : records;
    const partitions = await this.#assign(topic, all);
    for (const [partition, each] of partitions.entries()) {
      await append(this.#options.write, recordedFile(topic, partition), (there) => {
        const noted = there.markers.get(marker.group) ?? -1;
        return noted >= marker.value ? '' : printAll(there, each) + printMarker(marker);
      });
    }
  }

  async marker(topic: string, group: string): Promise<number | null> {
    const { write, partitionCount } = this.#options;
    let least = Infinity;
    for (let partition = 0; partition < (await partitionCount(topic)); partition += 1) {
      const file = recordedFile(topic, partition);
      const { markers } = readRecording(file, (await read(write, file))?.bytes ?? EMPTY);
      least = Math.min(least, markers.get(group) ?? -1);
    }
    return least < 0 ? null : least;
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  async #checkEpoch(): Promise<void> {
    const { write, transactionalId, name } = this.#options;
    if (transactionalId === null) return;
    const content = await read(write, epochFile(transactionalId));
    if (readEpoch(content?.bytes ?? EMPTY) !== this.#epoch) throw fenced(name, transactionalId);
  }

  /** By partition; those without records are empty. */
  async #assign(
    topic: string,
    records: readonly ProducedRecord[],
  ): Promise<readonly (readonly ProducedRecord[])[]> {
    const count = await this.#options.partitionCount(topic);
    const partitions: ProducedRecord[][] = Array.from({ length: count }, () => []);
    for (const record of records) {
      const partition = record.partition ?? this.#choose(record, count);
      (partitions[partition] ??= []).push(record);
    }
    return Array.from(partitions, (each) => each ?? []);
  }

  #choose({ key }: ProducedRecord, partitionCount: number): number {
    if (key !== null) return partitionOfKey(key, partitionCount);
    this.#turn += 1;
    return this.#turn % partitionCount;
  }
}

/** Adds what `more` makes of what is there, as if nobody else wrote. An empty text adds nothing. */
async function append(
  store: ObjectStore,
  file: string,
  more: (there: RecordedPartition) => string,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const there = await read(store, file);
    const before = there?.bytes ?? EMPTY;
    const added = more(readRecording(file, before));
    if (added === '') return;
    const bytes = Buffer.concat([before, Buffer.from(added)]);
    if (await swap(store, file, { bytes, etag: there?.etag ?? null })) return;
  }
  throw recordingBusy(`${store.uri}/${file}`);
}

async function nextEpoch(store: ObjectStore, transactionalId: string): Promise<number> {
  const file = epochFile(transactionalId);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const there = await read(store, file);
    const epoch = readEpoch(there?.bytes ?? EMPTY) + 1;
    const bytes = Buffer.from(`${JSON.stringify({ epoch })}\n`);
    if (await swap(store, file, { bytes, etag: there?.etag ?? null })) return epoch;
  }
  throw recordingBusy(`${store.uri}/${file}`);
}

/** False where somebody else was quicker. */
async function swap(
  store: ObjectStore,
  file: string,
  { bytes, etag }: { readonly bytes: Buffer; readonly etag: string | null },
): Promise<boolean> {
  const mode = etag === null ? ({ kind: 'create' } as const) : ({ kind: 'update', etag } as const);
  try {
    return (await store.put(file, bytes, mode)).kind === 'written';
  } catch (error) {
    if (!isDeltaError(error, 'STORE_OUTCOME_UNKNOWN')) throw error;
    // Files only grow: ours is there if what is there begins with it.
    const there = await read(store, file);
    return there !== null && bytes.equals(there.bytes.subarray(0, bytes.length));
  }
}

async function read(
  store: ObjectStore,
  file: string,
): Promise<{ readonly bytes: Uint8Array; readonly etag: string } | null> {
  try {
    const { bytes, meta } = await store.get(file);
    return { bytes, etag: meta.etag };
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) return null;
    throw error;
  }
}

function printAll(there: RecordedPartition, records: readonly ProducedRecord[]): string {
  const first = (there.records.at(-1)?.offset ?? -1) + 1;
  const lines = records.map((record, index) => {
    const headers = record.headers.map(([name, value]) => [Buffer.from(name), value] as const);
    return printRecord({ ...record, headers, offset: first + index });
  });
  return lines.join('');
}

function epochFile(transactionalId: string): string {
  return `producers/${encodeURIComponent(transactionalId)}.json`;
}

function readEpoch(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  const value = parseJson(Buffer.from(bytes).toString());
  const epoch = isJsonObject(value) ? value['epoch'] : undefined;
  return typeof epoch === 'number' ? epoch : 0;
}
