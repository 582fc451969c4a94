/** The brokers of one cluster: connections that all work shares, who leads what, and the one place that tries again. */

import { type Clock, type Random, retry } from '../../base/index.ts';
import type { BrokerAddress, BrokerConnection } from './broker-connection.ts';
import { Packing } from './compression.ts';
import type { KafkaConnection } from './connection-spec.ts';
import { brokerAddresses, Connections } from './connections.ts';
import {
  BrokerRefusal,
  fromKafka,
  type KafkaCall,
  protocolErrors,
  topicMissing,
} from './errors.ts';
import { libraryRequest } from './library.ts';
import { AnswerReader, RequestWriter } from './wire.ts';

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
  readonly packing: Packing;
  readonly #connections: Connections;
  readonly #bootstrap: readonly BrokerAddress[];
  readonly #tools: ClusterTools;
  readonly #nodes = new Map<number, BrokerAddress>();
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #coordinators = new Map<string, BrokerAddress>();

  private constructor(
    { connections, packing }: { readonly connections: Connections; readonly packing: Packing },
    bootstrap: readonly BrokerAddress[],
    tools: ClusterTools,
  ) {
    this.#connections = connections;
    this.packing = packing;
    this.#bootstrap = bootstrap;
    this.#tools = tools;
    this.name = bootstrap.map(({ host, port }) => `${host}:${String(port)}`).join(',');
  }

  static async open(spec: KafkaConnection, tools: ClusterTools): Promise<Cluster> {
    const bootstrap = brokerAddresses(spec);
    const connections = await Connections.open(spec, tools.clock);
    return new Cluster({ connections, packing: await Packing.open() }, bootstrap, tools);
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
        } catch (thrown) {
          const error = thrown instanceof BrokerRefusal ? await thrown.named() : thrown;
          this.#forget(error, what.topic);
          throw fromKafka(call, error);
        }
      },
    );
  }

  /** Any broker. */
  anyNode(): Promise<BrokerConnection> {
    return this.#connections.any([...this.#bootstrap, ...this.#nodes.values()]);
  }

  /** The broker that leads a partition. To be called inside of `call`. */
  async leader(topic: string, partition: number): Promise<BrokerConnection> {
    let node = (await this.leaders(topic))[partition];
    if (node === undefined) {
      // It may be younger than what is known.
      this.#topics.delete(topic);
      node = (await this.leaders(topic))[partition];
    }
    if (node === undefined) throw topicMissing(this.name, `${topic}-${String(partition)}`);
    const address = this.#nodes.get(node);
    if (address === undefined) throw new BrokerRefusal('LEADER_NOT_AVAILABLE');
    return this.#connections.get(address);
  }

  /** The node that leads each partition, as far as known since the last failure. To be called inside of `call`. */
  async leaders(topic: string): Promise<readonly number[]> {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known.leaders;
    const [found] = await this.describe([topic]);
    if (found === undefined || found.errorCode === UNKNOWN_TOPIC)
      throw topicMissing(this.name, topic);
    if (found.errorCode !== 0) throw new BrokerRefusal(found.errorCode);
    return found.leaders;
  }

  /** Asks what there is of `topics`, or of all. To be called inside of `call`. */
  async describe(topics: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    const { nodes, topics: found } = await askMetadata(await this.anyNode(), topics);
    // What a broker answers that is not ready, or that does not know who asks: nothing, without an error.
    if (nodes.size === 0) throw new BrokerRefusal('BROKER_NOT_AVAILABLE');
    this.#nodes.clear();
    for (const [node, address] of nodes) this.#nodes.set(node, address);
    for (const each of found) if (each.errorCode === 0) this.#topics.set(each.topic, each);
    return found;
  }

  /** The broker that coordinates a group or a transactional id. To be called inside of `call`. */
  async coordinator(kind: 'group' | 'transaction', key: string): Promise<BrokerConnection> {
    const name = `${kind} ${key}`;
    const known = this.#coordinators.get(name);
    if (known !== undefined) return this.#connections.get(known);
    const answer = await libraryRequest(await this.anyNode(), ({ findCoordinatorV3 }, node) =>
      findCoordinatorV3.api.async(node, kind === 'group' ? 0 : 1, [key]),
    );
    const [found] = answer.coordinators;
    if (found === undefined) throw new BrokerRefusal('COORDINATOR_NOT_AVAILABLE');
    const address = { host: found.host, port: found.port };
    this.#coordinators.set(name, address);
    return this.#connections.get(address);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return this.#tools.clock.sleep(delayMs, signal);
  }

  close(): Promise<void> {
    return this.#connections.close();
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
async function askMetadata(
  connection: BrokerConnection,
  topics: readonly string[] | null,
): Promise<Metadata> {
  const body = new RequestWriter()
    .texts(topics)
    .int8(0) // no topic is made by asking for it
    .int8(0)
    .int8(0)
    .finish();
  const reader = new AnswerReader(await connection.request({ api: METADATA, body }));
  reader.int32(); // throttle time
  const nodes = reader.list(() => readNode(reader));
  reader.text(); // cluster
  reader.int32(); // controller
  return { nodes: new Map(nodes), topics: reader.list(() => readTopic(reader)) };
}

function readNode(reader: AnswerReader): [number, BrokerAddress] {
  const node = reader.int32();
  const host = reader.text() ?? '';
  const port = reader.int32();
  reader.text(); // rack
  return [node, { host, port }];
}

function readTopic(reader: AnswerReader): TopicMetadata {
  const errorCode = reader.int16();
  const topic = reader.text() ?? '';
  const internal = reader.int8() !== 0;
  const leaders: number[] = [];
  reader.list(() => {
    reader.int16(); // error: a partition without a leader has node -1
    const partition = reader.int32();
    leaders[partition] = reader.int32();
    reader.int32(); // epoch
    for (const _ of ['replicas', 'in sync', 'offline']) reader.list(() => reader.int32());
  });
  reader.int32(); // authorized operations
  return { topic, errorCode, internal, leaders };
}
