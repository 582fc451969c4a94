/**
 * A place in one of Kafka's consumer groups, of the classic protocol that every broker knows: join, share out, heartbeat,
 * leave. Only membership is used; no offsets are committed. What a member has while the group forms anew stays its own
 * until it is told otherwise, so that work goes on: that nothing is taken twice is for the taker to see to.
 */

import type * as kafka from '@platformatic/kafka';

import type { Clock } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { groupShared, protocolErrors } from './errors.ts';
import { type KafkaLibrary, libraryRequest, loadLibrary } from './library.ts';
import { type Assignment, type GroupSpec, Holding, type Membership } from './membership.ts';
import { shareOut } from './share-out.ts';
import type { TopicPartition } from './types.ts';

/** A member that is not heard of for so long is taken for dead; brokers allow no less than 6 s by default. */
const SESSION_TIMEOUT_MS = 10_000;
/** Also how long a member may not know yet that the group forms anew. */
const HEARTBEAT_MS = 2_000;
/** How long the group waits for members that are alive and do not join again; less than a request's time. */
const REBALANCE_TIMEOUT_MS = 20_000;
/** How often it is looked whether there are partitions that nobody has. */
const PARTITIONS_EVERY_MS = 30_000;
const REJOIN_PAUSE_MS = 100;

const PROTOCOL_TYPE = 'consumer';
const SUBSCRIPTION_VERSION = 1;

/** What brokers say to a member that must join again. */
const REJOIN = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'] as const;
type Rejoin = (typeof REJOIN)[number];

type Answer<T> =
  { readonly kind: 'done'; readonly value: T } | { readonly kind: 'rejoin'; readonly why: Rejoin };

export class GroupMember implements Membership {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #spec: GroupSpec;
  readonly #holding = new Holding();
  readonly #leaving = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  readonly #loop: Promise<void>;
  #memberId = '';
  #generation = -1;
  #isJoining = true;
  /** Partitions that there were when this member shared them out. */
  #sharedCount = 0;
  /** What ended its membership. */
  #failure: Error | null = null;

  /** The cluster is the member's own: a broker answers nothing else on a connection while a member joins. */
  constructor(cluster: Cluster, clock: Clock, spec: GroupSpec) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#spec = spec;
    this.#loop = this.#run();
  }

  async assignment(signal?: AbortSignal): Promise<Assignment> {
    await orAborted(this.#settled.promise, signal);
    if (this.#failure !== null) throw this.#failure;
    return this.#holding.current;
  }

  async leave(): Promise<void> {
    if (this.#leaving.signal.aborted) return;
    this.#leaving.abort(new Error('the member leaves'));
    if (this.#isJoining) await this.#cluster.close();
    await this.#loop;
    if (!this.#isJoining && this.#memberId !== '') await this.#sayGoodbye();
    await this.#cluster.close();
  }

  async #run(): Promise<void> {
    const signal = this.#leaving.signal;
    try {
      for (;;) {
        this.#isJoining = true;
        const isLeader = await this.#join();
        if (isLeader !== null) {
          this.#isJoining = false;
          this.#settled.resolve();
          await this.#stay(isLeader);
        }
        await this.#clock.sleep(REJOIN_PAUSE_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted)
        this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#holding.set([]);
    } finally {
      this.#settled.resolve();
    }
  }

  /** Joins and takes its share: whether it is the one who shares out, or null where it must begin again. */
  async #join(): Promise<boolean | null> {
    const library = await loadLibrary();
    const joined = await this.#ask('join', (node) =>
      library.joinGroupV3.api.async(
        node,
        this.#spec.group,
        SESSION_TIMEOUT_MS,
        REBALANCE_TIMEOUT_MS,
        this.#memberId,
        null,
        PROTOCOL_TYPE,
        [{ name: this.#spec.purpose, metadata: this.#subscription(library) }],
      ),
    );
    if (joined.kind === 'rejoin') return null;
    const { memberId, generationId, leader, members } = joined.value;
    this.#memberId = memberId;
    this.#generation = generationId;
    const isLeader = leader === memberId;
    const shares = isLeader ? await this.#shareOut(members) : [];
    const synced = await this.#ask('sync', (node) =>
      library.syncGroupV2.api.async(
        node,
        this.#spec.group,
        generationId,
        memberId,
        null,
        PROTOCOL_TYPE,
        this.#spec.purpose,
        shares,
      ),
    );
    if (synced.kind === 'rejoin') return null;
    const { assignment } = synced.value;
    this.#holding.set(
      assignment.length === 0
        ? []
        : partitionsIn(library.decodeConsumerProtocolAssignment(assignment).assignedPartitions),
    );
    return isLeader;
  }

  /** Until the group forms anew. */
  async #stay(isLeader: boolean): Promise<void> {
    const library = await loadLibrary();
    let lookedMs = this.#clock.now();
    for (;;) {
      await this.#clock.sleep(HEARTBEAT_MS, this.#leaving.signal);
      const beat = await this.#ask('heartbeat', (node) =>
        library.heartbeatV2.api.async(node, this.#spec.group, this.#generation, this.#memberId),
      );
      if (beat.kind === 'rejoin') return;
      if (!isLeader || this.#clock.now() - lookedMs < PARTITIONS_EVERY_MS) continue;
      lookedMs = this.#clock.now();
      // A leader that joins again makes the group form anew.
      if ((await this.#spec.partitions()).length !== this.#sharedCount) return;
    }
  }

  async #shareOut(
    members: readonly { readonly memberId: string; readonly metadata: Buffer }[],
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const library = await loadLibrary();
    const owned = members.map(({ memberId, metadata }) => {
      const { ownedPartitions } = library.decodeConsumerProtocolSubscription(metadata);
      return [memberId, partitionsIn(ownedPartitions)] as const;
    });
    const partitions = await this.#spec.partitions();
    this.#sharedCount = partitions.length;
    const shares = shareOut(partitions, new Map(owned));
    return Array.from(shares, ([memberId, share]) => ({
      memberId,
      assignment: library.encodeConsumerProtocolAssignment({
        version: 0,
        assignedPartitions: byTopic(share),
      }),
    }));
  }

  #subscription(library: KafkaLibrary): Buffer {
    const ownedPartitions = byTopic(this.#holding.current.partitions);
    return library.encodeConsumerProtocolSubscription({
      version: SUBSCRIPTION_VERSION,
      topics: ownedPartitions.map(({ topic }) => topic),
      ownedPartitions,
    });
  }

  /** One request to the group's coordinator. Errors: `KAFKA_GROUP_SHARED`, those of the broker. */
  async #ask<T>(
    operation: string,
    request: (node: kafka.Connection) => Promise<T>,
  ): Promise<Answer<T>> {
    const { group } = this.#spec;
    const answer = await this.#cluster.call(
      { operation },
      async (): Promise<Answer<T>> => {
        const node = await this.#cluster.coordinator('group', group);
        try {
          return { kind: 'done', value: await libraryRequest(node, (_, it) => request(it)) };
        } catch (error) {
          const answers = protocolErrors(error);
          const why = REJOIN.find((it) => answers.has(it));
          if (why !== undefined) return { kind: 'rejoin', why };
          if (answers.has('INCONSISTENT_GROUP_PROTOCOL')) {
            throw groupShared(this.#cluster.name, group);
          }
          throw error;
        }
      },
      this.#leaving.signal,
    );
    if (answer.kind === 'rejoin' && answer.why !== 'REBALANCE_IN_PROGRESS') {
      // The group went on without it: what it had is perhaps another's.
      if (answer.why === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
      this.#holding.set([]);
    }
    return answer;
  }

  async #sayGoodbye(): Promise<void> {
    try {
      const node = await this.#cluster.coordinator('group', this.#spec.group);
      await libraryRequest(node, ({ leaveGroupV2 }, connection) =>
        leaveGroupV2.api.async(connection, this.#spec.group, [{ memberId: this.#memberId }]),
      );
    } catch {
      // Best effort: a member that is not heard of any more is taken for dead.
    }
  }
}

function partitionsIn(
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}

function byTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  return Array.from(topics, ([topic, some]) => ({
    topic,
    partitions: some.map(({ partition }) => partition),
  }));
}

async function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
