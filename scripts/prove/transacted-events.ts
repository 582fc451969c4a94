/**
 * A second sender, by kafkajs: events in transactions that are open at once, longer than one fetch, and half of them aborted. What
 * an aborted one held comes again in one that is committed, or never.
 */

import { Kafka, logLevel, Partitioners, type Transaction } from 'kafkajs';

import { type EventMessage, generate, type SentEvent } from '../e-financeira/events.ts';

/** Messages of one request. */
const PORTION = 500;
/** Of one transaction: several fetches of a megabyte each. */
const LONG = 6 * PORTION;
const SHORT = 40;
/** Two long ones, a third without a transaction, and two short ones that never come. */
const ROUND_MESSAGES = 3 * LONG + 2 * SHORT;

export interface TransactedOptions {
  readonly brokers: string;
  readonly topic: string;
  /** The two partitions, where nobody else sends. */
  readonly partitions: readonly [number, number];
  readonly rounds: number;
  readonly seed: number;
  readonly companies: number;
  readonly startMs: number;
  readonly schemaIds: readonly [number, number];
}

export class TransactedEvents {
  /** What was committed, by id. */
  readonly committed = new Map<string, SentEvent>();
  abortedCount = 0;
  readonly #options: TransactedOptions;
  readonly #messages: Iterator<EventMessage>;
  readonly #kafka: Kafka;

  constructor(options: TransactedOptions) {
    const { brokers, rounds, partitions } = options;
    this.#options = options;
    this.#kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
    this.#messages = generate({
      ...options,
      count: rounds * ROUND_MESSAGES,
      partitions: partitions.length,
      ratePerSecond: 1,
      brokenShare: 0,
    });
  }

  /** When it resolves, no transaction is open. */
  async round(): Promise<void> {
    const producers = ['a', 'b'].map((name) =>
      this.#kafka.producer({
        transactionalId: `prove-${name}`,
        maxInFlightRequests: 1,
        idempotent: true,
        createPartitioner: Partitioners.DefaultPartitioner,
      }),
    );
    const plain = this.#kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    const [first, second] = producers;
    if (first === undefined || second === undefined) return;
    await Promise.all([first.connect(), second.connect(), plain.connect()]);
    const [again, counted, open] = [this.#take(LONG), this.#take(LONG), this.#take(LONG)];

    // Two transactions and messages outside of any, in turn.
    const [doomed, kept] = [await first.transaction(), await second.transaction()];
    for (let at = 0; at < LONG; at += PORTION) {
      await this.#send(doomed, again.slice(at, at + PORTION));
      await this.#send(kept, counted.slice(at, at + PORTION));
      await this.#send(plain, open.slice(at, at + PORTION));
    }
    await doomed.abort();
    await kept.commit();
    this.#count(counted);
    this.#count(open);

    // Aborted ones of the same producer, so close that one fetch holds them all.
    for (let i = 0; i < 2; i += 1) {
      const lost = await first.transaction();
      await this.#send(lost, this.#take(SHORT));
      await lost.abort();
      this.abortedCount += SHORT;
    }

    // What was aborted at first, once more.
    const last = await first.transaction();
    await this.#send(last, again);
    await last.commit();
    this.#count(again);
    this.abortedCount += again.length;
    await Promise.all([first.disconnect(), second.disconnect(), plain.disconnect()]);
  }

  #take(count: number): readonly EventMessage[] {
    return Array.from({ length: count }, () => this.#messages.next().value).filter(
      (message) => message !== undefined,
    );
  }

  #count(messages: readonly EventMessage[]): void {
    for (const { truth } of messages) {
      if (truth.kind !== 'broken') this.committed.set(truth.event.id, truth.event);
    }
  }

  async #send(sender: Pick<Transaction, 'send'>, messages: readonly EventMessage[]): Promise<void> {
    const { topic, partitions } = this.#options;
    await sender.send({
      topic,
      messages: messages.map(({ key, value, headers, timestampMs, partition }) => ({
        key,
        value: value === null ? null : Buffer.from(value),
        headers: Object.fromEntries(headers.map(([name, bytes]) => [name, Buffer.from(bytes)])),
        timestamp: String(timestampMs),
        partition: partitions[partition] ?? partitions[0],
      })),
    });
  }
}
