/** The brokers of one cluster: connections that all work shares, who leads what, and the one place that tries again. */

import type * as kafka from '@platformatic/kafka';

import { type Clock, type Random, retry } from '../../base/index.ts';
import { type BrokerAddress, brokerAddresses, connectionOptions } from './connection.ts';
import type { KafkaConnection } from './connection-spec.ts';
import { fromKafka, type KafkaCall, protocolErrors, topicMissing } from './errors.ts';

export interface ClusterTools {
  readonly clock: Clock;
  readonly random: Random;
  /** Tries of one request, the first included. */
  readonly attemptsMax: number;
}

export interface TopicMetadata {
  readonly topic: string;
  /** The protocol's error code; 0 for none. */
  readonly errorCode: number;
  readonly internal: boolean;
  /** The node that leads each partition, by its number; -1 while there is none. */
  readonly leaders: readonly number[];
}

const DELAY_MS_MIN = 100;
const DELAY_MS_MAX = 5_000;
/** Answers that tell that what is known of topics and leaders is old. */
const STALE = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REPLICA_NOT_AVAILABLE',
  'BROKER_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
]);
/** Answers of a coordinator that has moved. */
const MOVED = new Set(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE']);
const UNKNOWN_TOPIC = 3;

/**
 * Requests go out in versions that every Kafka since 2.5 knows, so that none has to be negotiated.
 */
export class Cluster {
  readonly name: string;
  readonly library: typeof kafka;
  readonly #pool: kafka.ConnectionPool;
  readonly #bootstrap: readonly BrokerAddress[];
  readonly #tools: ClusterTools;
  readonly #nodes = new Map<number, BrokerAddress>();
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #coordinators = new Map<string, BrokerAddress>();

  private constructor(
    library: typeof kafka,
    pool: kafka.ConnectionPool,
    bootstrap: readonly BrokerAddress[],
    tools: ClusterTools,
  ) {
    this.library = library;
    this.#pool = pool;
    this.#bootstrap = bootstrap;
    this.#tools = tools;
    this.name = bootstrap.map(({ host, port }) => `${host}:${String(port)}`).join(',');
    // A connection that breaks while nobody waits for it is only replaced by the next request.
    pool.on('connecting', ({ connection }) => connection.on('error', () => undefined));
  }

  static async open(connection: KafkaConnection, tools: ClusterTools): Promise<Cluster> {
    const bootstrap = brokerAddresses(connection);
    const library = await import('@platformatic/kafka');
    const options = await connectionOptions(library, connection);
    const pool = new library.ConnectionPool(connection.clientId ?? 'deltawright', options);
    return new Cluster(library, pool, bootstrap, tools);
  }

  /** Runs one request, again while it fails in a way that may pass; the last failure in this package's words. */
  call<T>(
    what: Omit<KafkaCall, 'broker'>,
    work: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { clock, random, attemptsMax } = this.#tools;
    const call = { broker: this.name, ...what };
    const options = { attemptsMax, delayMsMin: DELAY_MS_MIN, delayMsMax: DELAY_MS_MAX };
    return retry(
      clock,
      random,
      { ...options, ...(signal === undefined ? {} : { signal }) },
      async () => {
        try {
          return await work();
        } catch (error) {
          this.#forget(error, what.topic);
          throw fromKafka(call, error);
        }
      },
    );
  }

  /** Any broker. */
  anyNode(): Promise<kafka.Connection> {
    return this.#pool.getFirstAvailable([...this.#bootstrap, ...this.#nodes.values()]);
  }

  /** The broker that leads a partition. To be called inside of `call`. */
  async leader(topic: string, partition: number): Promise<kafka.Connection> {
    let node = (await this.leaders(topic))[partition];
    if (node === undefined) {
      // It may be younger than what is known.
      this.#topics.delete(topic);
      node = (await this.leaders(topic))[partition];
    }
    if (node === undefined) throw topicMissing(this.name, `${topic}-${String(partition)}`);
    const address = this.#nodes.get(node);
    if (address === undefined) throw new this.library.ProtocolError('LEADER_NOT_AVAILABLE');
    return this.#pool.get(address);
  }

  /** The node that leads each partition, as far as known since the last failure. To be called inside of `call`. */
  async leaders(topic: string): Promise<readonly number[]> {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known.leaders;
    const [found] = await this.describe([topic]);
    if (found === undefined || found.errorCode === UNKNOWN_TOPIC)
      throw topicMissing(this.name, topic);
    if (found.errorCode !== 0) throw new this.library.ProtocolError(found.errorCode);
    return found.leaders;
  }

  /** Asks what there is of `topics`, or of all. To be called inside of `call`. */
  async describe(topics: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    const { nodes, topics: found } = await askMetadata(this.library, await this.anyNode(), topics);
    // What a broker answers that is not ready, or that does not know who asks: nothing, without an error.
    if (nodes.size === 0) throw new this.library.ProtocolError('BROKER_NOT_AVAILABLE');
    this.#nodes.clear();
    for (const [node, address] of nodes) this.#nodes.set(node, address);
    for (const each of found) if (each.errorCode === 0) this.#topics.set(each.topic, each);
    return found;
  }

  /** The broker that coordinates a group or a transactional id. To be called inside of `call`. */
  async coordinator(kind: 'group' | 'transaction', key: string): Promise<kafka.Connection> {
    const name = `${kind} ${key}`;
    const known = this.#coordinators.get(name);
    if (known !== undefined) return this.#pool.get(known);
    const { findCoordinatorV3 } = this.library;
    const answer = await findCoordinatorV3.api.async(
      await this.anyNode(),
      kind === 'group' ? 0 : 1,
      [key],
    );
    const [found] = answer.coordinators;
    if (found === undefined) throw new this.library.ProtocolError('COORDINATOR_NOT_AVAILABLE');
    const address = { host: found.host, port: found.port };
    this.#coordinators.set(name, address);
    return this.#pool.get(address);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return this.#tools.clock.sleep(delayMs, signal);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** An error of a broker leaves what was said of others alone; a broken connection may mean anything. */
  #forget(error: unknown, topic: string | undefined): void {
    const answers = protocolErrors(error);
    const stale = answers.size === 0 || [...answers].some((answer) => STALE.has(answer));
    if (stale && topic !== undefined) this.#topics.delete(topic);
    if (answers.size === 0 || [...answers].some((answer) => MOVED.has(answer)))
      this.#coordinators.clear();
  }
}

interface Metadata {
  readonly nodes: ReadonlyMap<number, BrokerAddress>;
  readonly topics: readonly TopicMetadata[];
}

const METADATA = { key: 3, version: 8 };

/** Kafka's protocol, "Metadata API", version 8. Errors stay with their topics: one broken topic hides no other. */
function askMetadata(
  { Writer }: typeof kafka,
  connection: kafka.Connection,
  topics: readonly string[] | null,
): Promise<Metadata> {
  const request = (): kafka.Writer =>
    Writer.create()
      .appendArray(
        topics === null ? null : [...topics],
        (writer, name) => writer.appendString(name, false),
        false,
        false,
      )
      .appendBoolean(false) // no topic is made by asking for it
      .appendBoolean(false)
      .appendBoolean(false);
  return new Promise((resolve, reject) => {
    connection.send<Metadata>(
      METADATA.key,
      METADATA.version,
      request,
      (_correlation, _key, _version, reader) => readMetadata(reader),
      false,
      false,
      (error, answer) =>
        answer === undefined
          ? reject(error ?? new Error('an answer without content'))
          : resolve(answer),
    );
  });
}

function readMetadata(reader: kafka.Reader): Metadata {
  reader.readInt32(); // throttle time
  const nodes = reader.readArray(readNode, false, false);
  reader.readNullableString(false); // cluster
  reader.readInt32(); // controller
  return { nodes: new Map(nodes), topics: reader.readArray(readTopic, false, false) };
}

function readNode(reader: kafka.Reader): [number, BrokerAddress] {
  const node = reader.readInt32();
  const host = reader.readString(false);
  const port = reader.readInt32();
  reader.readNullableString(false); // rack
  return [node, { host, port }];
}

function readTopic(reader: kafka.Reader): TopicMetadata {
  const errorCode = reader.readInt16();
  const topic = reader.readString(false);
  const internal = reader.readBoolean();
  const leaders: number[] = [];
  reader.readArray(
    () => {
      reader.readInt16(); // error: a partition without a leader has node -1
      const partition = reader.readInt32();
      leaders[partition] = reader.readInt32();
      reader.readInt32(); // epoch
      for (const _ of ['replicas', 'in sync', 'offline']) {
        reader.readArray(() => reader.readInt32(), false, false);
      }
    },
    false,
    false,
  );
  reader.readInt32(); // authorized operations
  return { topic, errorCode, internal, leaders };
}
