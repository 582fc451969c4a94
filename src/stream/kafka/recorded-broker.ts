/** A folder of recorded topics as a `Broker`: for tests and examples, and for samples of a real topic. */

import { isDeltaError } from '../../base/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { offsetOutOfRange, recordingReadOnly, topicMissing } from './errors.ts';
import { type GroupSpec, type Membership, SoleMembership } from './membership.ts';
import {
  printRecord,
  readRecordedPath,
  readRecording,
  recordedFile,
  type RecordedPartition,
} from './recorded-file.ts';
import { openRecordedProducer } from './recorded-producer.ts';
import { wholeName } from './topic-pattern.ts';
import type {
  Broker,
  KafkaRecord,
  OffsetAt,
  OffsetRange,
  Producer,
  TopicInfo,
  TopicPartition,
  TopicSelection,
} from './types.ts';

export interface RecordedFolders {
  /** Where topics are read. */
  readonly read: ObjectStore;
  /** Where produced records go; may be the same folder. Null: producing is `KAFKA_RECORDING_READ_ONLY`. */
  readonly write: ObjectStore | null;
}

const PORTION_RECORDS = 1000;
/** Of a partition without a file, where the topic has later ones. */
const NOTHING: RecordedPartition = { records: [], markers: new Map() };

/** Reads whole files: for topics of at most some hundred megabytes. Errors: `KAFKA_RECORDING_BROKEN`. */
export function openRecordedBroker(folders: RecordedFolders): Broker {
  return new RecordedBroker(folders);
}

/** Writes all that `topic` holds now below `store`, in place of an earlier recording. A partition at a time is in memory. */
export async function recordTopic(
  broker: Broker,
  topic: string,
  store: ObjectStore,
): Promise<void> {
  const [info] = await broker.topics({ names: [topic] });
  if (info === undefined) throw topicMissing(broker.name, topic);
  for (let partition = 0; partition < info.partitionCount; partition += 1) {
    const place = { topic, partition };
    const [start = 0] = await broker.offsets([place], 'earliest');
    const [end = 0] = await broker.offsets([place], 'latest');
    const lines: string[] = [];
    await broker.fetch({ ...place, start, end }, (records) => {
      for (const record of records) lines.push(printRecord(record));
    });
    const bytes = Buffer.from(lines.join(''));
    await store.put(recordedFile(topic, partition), bytes, { kind: 'overwrite' });
  }
}

interface CachedFile extends RecordedPartition {
  readonly etag: string;
}

class RecordedBroker implements Broker {
  readonly name: string;
  readonly #folders: RecordedFolders;
  readonly #files = new Map<string, CachedFile>();

  constructor(folders: RecordedFolders) {
    this.#folders = folders;
    this.name = folders.read.uri;
  }

  async topics(selection: TopicSelection): Promise<readonly TopicInfo[]> {
    const all = await listTopics(this.#folders.read);
    if ('names' in selection) {
      for (const name of selection.names) {
        if (!all.has(name)) throw topicMissing(this.name, name);
      }
    }
    const whole = 'pattern' in selection ? wholeName(selection.pattern) : null;
    return [...all]
      .filter(([topic]) =>
        'names' in selection ? selection.names.includes(topic) : whole?.test(topic),
      )
      .map(([topic, partitionCount]) => ({ topic, partitionCount }))
      .sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  async offsets(partitions: readonly TopicPartition[], at: OffsetAt): Promise<readonly number[]> {
    const offsets: number[] = [];
    for (const { topic, partition } of partitions) {
      const { records } = await this.#partition(topic, partition);
      const bounds = boundsOf(records);
      if (at === 'earliest') offsets.push(bounds.earliest);
      else if (typeof at === 'string') offsets.push(bounds.latest);
      else {
        const found = records.find(({ timestampMs }) => timestampMs >= at.timestampMs);
        offsets.push(found?.offset ?? bounds.latest);
      }
    }
    return offsets;
  }

  join(spec: GroupSpec): Promise<Membership> {
    return Promise.resolve(new SoleMembership(spec));
  }

  async fetch(
    range: OffsetRange,
    onRecords: (records: readonly KafkaRecord[]) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { topic, partition, start, end } = range;
    if (start >= end) return;
    const { records } = await this.#partition(topic, partition);
    const bounds = boundsOf(records);
    if (start < bounds.earliest || end > bounds.latest) {
      const call = { broker: this.name, operation: 'fetch', topic, partition };
      throw offsetOutOfRange(call, { offset: start, end, ...bounds });
    }
    const wanted = records.filter(({ offset }) => offset >= start && offset < end);
    for (let from = 0; from < wanted.length; from += PORTION_RECORDS) {
      signal?.throwIfAborted();
      await onRecords(wanted.slice(from, from + PORTION_RECORDS));
    }
  }

  async producer(options: { readonly transactionalId?: string } = {}): Promise<Producer> {
    const { read, write } = this.#folders;
    if (write === null) throw recordingReadOnly(this.name);
    return openRecordedProducer({
      name: this.name,
      write,
      transactionalId: options.transactionalId ?? null,
      // What is produced has the partitions that are read, and one where nothing is.
      partitionCount: async (topic) => {
        const counts = [await listTopics(write), await listTopics(read)];
        return Math.max(1, ...counts.map((each) => each.get(topic) ?? 0));
      },
    });
  }

  async close(): Promise<void> {
    this.#files.clear();
    await Promise.resolve();
  }

  async #partition(topic: string, partition: number): Promise<RecordedPartition> {
    const file = recordedFile(topic, partition);
    const meta = await this.#folders.read.head(file);
    if (meta === null) {
      const partitionCount = (await listTopics(this.#folders.read)).get(topic) ?? 0;
      if (partition < partitionCount) return NOTHING;
      throw topicMissing(this.name, `${topic}-${String(partition)}`);
    }
    const known = this.#files.get(file);
    if (known?.etag === meta.etag) return known;
    const content = await this.#get(file);
    const read = { ...readRecording(file, content.bytes), etag: content.meta.etag };
    this.#files.set(file, read);
    return read;
  }

  async #get(file: string): ReturnType<ObjectStore['get']> {
    try {
      return await this.#folders.read.get(file);
    } catch (error) {
      if (!isDeltaError(error, 'STORE_NOT_FOUND')) throw error;
      throw topicMissing(this.name, file);
    }
  }
}

function boundsOf(records: readonly KafkaRecord[]): { earliest: number; latest: number } {
  return { earliest: records[0]?.offset ?? 0, latest: (records.at(-1)?.offset ?? -1) + 1 };
}

async function listTopics(store: ObjectStore): Promise<ReadonlyMap<string, number>> {
  const topics = new Map<string, number>();
  for await (const { path } of store.list('topics', { recursive: true })) {
    const file = readRecordedPath(path);
    if (file === null) continue;
    topics.set(file.topic, Math.max(topics.get(file.topic) ?? 0, file.partition + 1));
  }
  return topics;
}
