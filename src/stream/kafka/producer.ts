/** Produces records: idempotent, acknowledged by all replicas, and in transactions that carry a marker. */

import type * as kafka from '@platformatic/kafka';

import { isDeltaError } from '../../base/index.ts';
import { recordBytesMax, writeBatch } from './batch-writer.ts';
import type { Cluster } from './cluster.ts';
import type { Codec } from './connection-spec.ts';
import { BrokerRefusal, fenced, notTransactional } from './errors.ts';
import { type KafkaLibrary, libraryRequest } from './library.ts';
import { partitionOfKey } from './partitioner.ts';
import { requestProduce } from './produce-request.ts';
import type { ProducedRecord, Producer } from './types.ts';

export interface ProducerOptions {
  readonly compression: Codec;
  readonly transactionalId: string | null;
}

/** A broker takes batches of at most a megabyte by default; a larger record goes alone. */
const BATCH_BYTES_MAX = 768 * 1024;
const BATCH_RECORDS_MAX = 10_000;
/** A broker aborts a transaction that is open for longer. */
const TRANSACTION_TIMEOUT_MS = 60_000;
/** The partition whose committed offset is the marker. */
const MARKER_PARTITION = 0;
const UNKNOWN_OFFSET = -1;
/** Kafka's protocol guide, "Error Codes". */
const DUPLICATE_SEQUENCE_NUMBER = 46;

/** With a transactional id, producers that began earlier are fenced when this resolves, and what they left open is aborted. */
export async function openProducer(
  cluster: Cluster,
  options: ProducerOptions,
): Promise<KafkaProducer> {
  const producer = new KafkaProducer(cluster, options);
  await producer.begin();
  return producer;
}

/** Who the broker takes a producer for. */
interface Identity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The number of the next record of each partition, by which the broker knows repeated batches. */
  readonly sequences: Map<string, number>;
}

export class KafkaProducer implements Producer {
  readonly #cluster: Cluster;
  readonly #codec: Codec;
  readonly #transactionalId: string | null;
  /** Null where the outcome of the last request is not known, so that its numbers cannot be used again. */
  #identity: Identity | null = null;
  #fenced = false;
  #turn = 0;

  constructor(cluster: Cluster, { compression, transactionalId }: ProducerOptions) {
    this.#cluster = cluster;
    this.#codec = compression;
    this.#transactionalId = transactionalId;
  }

  async begin(): Promise<Identity> {
    if (this.#fenced) throw fenced(this.#cluster.name, this.#transactionalId ?? '');
    if (this.#identity !== null) return this.#identity;
    const id = this.#transactionalId;
    const answer = await this.#cluster.call({ operation: 'begin' }, async () => {
      const node =
        id === null
          ? await this.#cluster.anyNode()
          : await this.#cluster.coordinator('transaction', id);
      return libraryRequest(node, ({ initProducerIdV3 }, connection) =>
        initProducerIdV3.api.async(connection, id, TRANSACTION_TIMEOUT_MS, -1n, -1),
      );
    });
    const { producerId, producerEpoch } = answer;
    this.#identity = { producerId, producerEpoch, sequences: new Map() };
    return this.#identity;
  }

  async send(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    // A producer with a transactional id may only send inside of a transaction.
    if (this.#transactionalId !== null) {
      await this.#inTransaction((identity) => this.#sendAll(identity, topic, records));
      return;
    }
    const identity = await this.begin();
    try {
      await this.#sendAll(identity, topic, records);
    } catch (error) {
      this.#identity = null;
      throw error;
    }
  }

  async transact(
    topic: string,
    records: readonly ProducedRecord[] | AsyncIterable<readonly ProducedRecord[]>,
    marker: { readonly group: string; readonly value: number },
  ): Promise<void> {
    const portions = Symbol.asyncIterator in records ? records : [records];
    await this.#inTransaction(async (identity) => {
      for await (const portion of portions) await this.#sendAll(identity, topic, portion);
      await this.#note(identity, topic, marker);
    });
  }

  async marker(topic: string, group: string): Promise<number | null> {
    const topics = [{ name: topic, partitionIndexes: [MARKER_PARTITION] }];
    const answer = await this.#cluster.call({ operation: 'marker', topic }, async () =>
      // Stable: an answer waits for a transaction that is about to note another one.
      libraryRequest(await this.#cluster.coordinator('group', group), ({ offsetFetchV7 }, node) =>
        offsetFetchV7.api.async(node, [{ groupId: group, topics }], true),
      ),
    );
    const offset = Number(answer.topics[0]?.partitions[0]?.committedOffset ?? UNKNOWN_OFFSET);
    return offset === UNKNOWN_OFFSET ? null : offset;
  }

  /** Connections belong to the broker. */
  async close(): Promise<void> {
    this.#identity = null;
    await Promise.resolve();
  }

  async #inTransaction(work: (identity: Identity) => Promise<void>): Promise<void> {
    if (this.#transactionalId === null) throw notTransactional(this.#cluster.name);
    const identity = await this.begin();
    try {
      await work(identity);
      await this.#end(identity, true);
    } catch (error) {
      await this.#abort(identity, error);
      this.#identity = null;
      this.#fenced ||= isDeltaError(error, 'KAFKA_FENCED');
      throw this.#fenced ? fenced(this.#cluster.name, this.#transactionalId, error) : error;
    }
  }

  /** Best effort: what stays open is unseen, and aborted by the next beginning or the broker's timeout. */
  async #abort(identity: Identity, reason: unknown): Promise<void> {
    const hopeless =
      isDeltaError(reason, 'KAFKA_FENCED') || isDeltaError(reason, 'KAFKA_UNAVAILABLE');
    if (!hopeless) await this.#end(identity, false).catch(() => undefined);
  }

  /** Partitions side by side, the batches of one after another. */
  async #sendAll(
    identity: Identity,
    topic: string,
    records: readonly ProducedRecord[],
  ): Promise<void> {
    const partitions = await this.#assign(topic, records);
    if (this.#transactionalId !== null && partitions.size > 0) {
      await this.#join(identity, topic, [...partitions.keys()]);
    }
    const sends = [...partitions].map(async ([partition, each]) => {
      for (const batch of batchesOf(each)) {
        await this.#sendBatch(identity, { topic, partition, batch });
      }
    });
    // All of them end before an error goes on, so that none still sends when the caller believes it over.
    const outcomes = await Promise.allSettled(sends);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  async #assign(
    topic: string,
    records: readonly ProducedRecord[],
  ): Promise<ReadonlyMap<number, readonly ProducedRecord[]>> {
    const leaders = await this.#cluster.call({ operation: 'produce', topic }, () =>
      this.#cluster.leaders(topic),
    );
    const partitions = new Map<number, ProducedRecord[]>();
    for (const record of records) {
      const partition = record.partition ?? this.#choose(record, leaders.length);
      const batch = partitions.get(partition);
      if (batch === undefined) partitions.set(partition, [record]);
      else batch.push(record);
    }
    return partitions;
  }

  #choose({ key }: ProducedRecord, partitionCount: number): number {
    if (key !== null) return partitionOfKey(key, partitionCount);
    this.#turn += 1;
    return this.#turn % partitionCount;
  }

  async #sendBatch(
    identity: Identity,
    what: {
      readonly topic: string;
      readonly partition: number;
      readonly batch: readonly ProducedRecord[];
    },
  ): Promise<void> {
    const { topic, partition, batch } = what;
    const place = `${topic}:${String(partition)}`;
    const sequence = identity.sequences.get(place) ?? 0;
    const { producerId, producerEpoch } = identity;
    const transactionalId = this.#transactionalId;
    const transactional = transactionalId !== null;
    const spec = { codec: this.#codec, producerId, producerEpoch, sequence, transactional };
    const { packing } = this.#cluster;
    await packing.load(spec.codec);
    const bytes = writeBatch(packing, spec, batch);
    await this.#cluster.call({ operation: 'produce', topic, partition }, async () => {
      const leader = await this.#cluster.leader(topic, partition);
      const request = { topic, partition, transactionalId, batch: bytes };
      try {
        await requestProduce(leader, request);
      } catch (error) {
        // The batch is there already: only its acknowledgement was lost.
        if (!(error instanceof BrokerRefusal) || error.answer !== DUPLICATE_SEQUENCE_NUMBER) {
          throw error;
        }
      }
    });
    // The numbers go around at 2^31.
    identity.sequences.set(place, (sequence + batch.length) % 2 ** 31);
  }

  /** Makes partitions part of the transaction. */
  async #join(identity: Identity, topic: string, partitions: number[]): Promise<void> {
    await this.#coordinate('join', (library, node, transactionalId) =>
      library.addPartitionsToTxnV3.api.async(node, [
        {
          transactionalId,
          producerId: identity.producerId,
          producerEpoch: identity.producerEpoch,
          verifyOnly: false,
          topics: [{ name: topic, partitions }],
        },
      ]),
    );
  }

  async #note(
    { producerId, producerEpoch }: Identity,
    topic: string,
    { group, value }: { readonly group: string; readonly value: number },
  ): Promise<void> {
    await this.#coordinate('note', (library, node, id) =>
      library.addOffsetsToTxnV3.api.async(node, id, producerId, producerEpoch, group),
    );
    const marker = {
      partitionIndex: MARKER_PARTITION,
      committedOffset: BigInt(value),
      committedLeaderEpoch: -1,
      committedMetadata: '',
    };
    const topics = [{ name: topic, partitions: [marker] }];
    await this.#cluster.call({ operation: 'note', topic }, async () =>
      libraryRequest(await this.#cluster.coordinator('group', group), (library, node) =>
        library.txnOffsetCommitV3.api.async(
          node,
          this.#transactionalId ?? '',
          group,
          producerId,
          producerEpoch,
          -1, // no member of the group: nobody else commits for it
          '',
          null,
          topics,
        ),
      ),
    );
  }

  async #end({ producerId, producerEpoch }: Identity, commit: boolean): Promise<void> {
    await this.#coordinate('commit', (library, node, id) =>
      library.endTxnV3.api.async(node, id, producerId, producerEpoch, commit),
    );
  }

  async #coordinate(
    operation: string,
    work: (library: KafkaLibrary, node: kafka.Connection, id: string) => Promise<unknown>,
  ): Promise<void> {
    const id = this.#transactionalId ?? '';
    await this.#cluster.call({ operation }, async () =>
      libraryRequest(await this.#cluster.coordinator('transaction', id), (library, node) =>
        work(library, node, id),
      ),
    );
  }
}

function* batchesOf(records: readonly ProducedRecord[]): Generator<readonly ProducedRecord[]> {
  let batch: ProducedRecord[] = [];
  let sizeBytes = 0;
  for (const record of records) {
    const bytes = recordBytesMax(record);
    if (
      batch.length > 0 &&
      (sizeBytes + bytes > BATCH_BYTES_MAX || batch.length === BATCH_RECORDS_MAX)
    ) {
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
    batch.push(record);
    sizeBytes += bytes;
  }
  if (batch.length > 0) yield batch;
}
