/** A Kafka cluster as a `Broker`. */

import type { Clock, Random } from '../../base/index.ts';
import { Cluster, type TopicMetadata } from './cluster.ts';
import type { Codec, KafkaConnection } from './connection-spec.ts';
import { BrokerRefusal, topicMissing } from './errors.ts';
import { fetchRange } from './fetch-range.ts';
import { GroupMember } from './group-member.ts';
import type { GroupSpec, Membership } from './membership.ts';
import { EARLIEST, LATEST, requestOffset } from './offset-request.ts';
import { openProducer } from './producer.ts';
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

export interface BrokerTools {
  readonly clock: Clock;
  readonly random: Random;
  /** Tries of one request before `KAFKA_UNAVAILABLE`, the first included. Default 12: about half a minute. */
  readonly attemptsMax?: number;
  /** Default `read_committed`: nothing of transactions that are open or were aborted. */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** How produced batches are packed. Default `none`. */
  readonly compression?: Codec;
}

const ATTEMPTS_MAX = 12;
const UNKNOWN_TOPIC = 3;
const INVALID_TOPIC = 17;

/**
 * A broker at the addresses of `connection`. No connection is made before the first request, but a client key is asked for.
 * Errors: `KAFKA_CONNECTION_INVALID`; of every request `KAFKA_UNAVAILABLE`, `KAFKA_DENIED`, `KAFKA_TLS`.
 */
export async function openBroker(connection: KafkaConnection, tools: BrokerTools): Promise<Broker> {
  const { clock, random, attemptsMax = ATTEMPTS_MAX } = tools;
  const open = (): Promise<Cluster> => Cluster.open(connection, { clock, random, attemptsMax });
  return new KafkaBroker(await open(), open, tools);
}

class KafkaBroker implements Broker {
  readonly name: string;
  readonly #cluster: Cluster;
  /** Opens the same cluster by connections of its own. */
  readonly #openAgain: () => Promise<Cluster>;
  readonly #clock: Clock;
  readonly #committedOnly: boolean;
  readonly #compression: Codec;

  constructor(cluster: Cluster, openAgain: () => Promise<Cluster>, tools: BrokerTools) {
    this.name = cluster.name;
    this.#cluster = cluster;
    this.#openAgain = openAgain;
    this.#clock = tools.clock;
    this.#committedOnly = tools.isolation !== 'read_uncommitted';
    this.#compression = tools.compression ?? 'none';
  }

  async topics(selection: TopicSelection): Promise<readonly TopicInfo[]> {
    const cluster = this.#cluster;
    const names = 'names' in selection ? selection.names : null;
    if (names?.length === 0) return [];
    const found = await cluster.call({ operation: 'topics' }, async () => {
      const all = await cluster.describe(names);
      const whole = 'pattern' in selection ? wholeName(selection.pattern) : null;
      const wanted = all.filter(
        (each) => whole === null || (!each.internal && whole.test(each.topic)),
      );
      return wanted.map((topic) => this.#describe(topic));
    });
    return found.sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  async offsets(partitions: readonly TopicPartition[], at: OffsetAt): Promise<readonly number[]> {
    return Promise.all(
      partitions.map(async (partition) => {
        const offset = await this.#offset(partition, at);
        // No record is as young as the time asked for.
        return offset < 0 ? this.#offset(partition, 'latest') : offset;
      }),
    );
  }

  async fetch(
    range: OffsetRange,
    onRecords: (records: readonly KafkaRecord[]) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const bounds = async (): Promise<{ earliest: number; latest: number }> => ({
      earliest: await this.#offset(range, 'earliest'),
      latest: await this.#offset(range, 'latest'),
    });
    await fetchRange(this.#cluster, {
      range,
      committedOnly: this.#committedOnly,
      onRecords,
      bounds,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async join(spec: GroupSpec): Promise<Membership> {
    return new GroupMember(await this.#openAgain(), this.#clock, spec);
  }

  producer(options: { readonly transactionalId?: string } = {}): Promise<Producer> {
    return openProducer(this.#cluster, {
      compression: this.#compression,
      transactionalId: options.transactionalId ?? null,
    });
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  #describe({ topic, errorCode, leaders }: TopicMetadata): TopicInfo {
    if (errorCode === UNKNOWN_TOPIC || errorCode === INVALID_TOPIC)
      throw topicMissing(this.name, topic);
    if (errorCode !== 0) throw new BrokerRefusal(errorCode);
    return { topic, partitionCount: leaders.length };
  }

  /** Below zero where no record is at or after a time. */
  #offset({ topic, partition }: TopicPartition, at: OffsetAt): Promise<number> {
    const cluster = this.#cluster;
    const time = at === 'earliest' ? EARLIEST : typeof at === 'string' ? LATEST : at.timestampMs;
    const committedOnly = this.#committedOnly && at !== 'end';
    return cluster.call({ operation: 'offsets', topic, partition }, async () =>
      requestOffset(await cluster.leader(topic, partition), {
        topic,
        partition,
        time,
        committedOnly,
      }),
    );
  }
}
