/**
 * What the topic `transmissao-efetuada` receives, from a seed: events of many companies, most of them accepted by RFB, some sent
 * twice, some late, and some that no reader can take. With each message comes the truth about it, for the recount.
 */

import { type Random, seededRandom } from '../../src/base/index.ts';
import { breakMessage, type Fault, FAULTS, type Header } from './broken.ts';
import { below, itemAt, newUuid, pick } from './chance.ts';
import { batchOf, type Company, newCompany, newValue } from './company.ts';
import type { TransmissaoEfetuada } from './domain.ts';
import { encodeEvent } from './encode.ts';

export interface GenerateOptions {
  readonly seed: number;
  /** Messages in all, also those sent again and the broken ones. */
  readonly count: number;
  readonly companies: number;
  readonly partitions: number;
  /** When the first message is sent, in milliseconds since the epoch. */
  readonly startMs: number;
  /** Messages a second: what their times are apart. */
  readonly ratePerSecond: number;
  /** Of the messages, those that are a good one again: same key, headers and value, later, now and then in another partition. Default 0.02. */
  readonly duplicateShare?: number;
  /** Of the good messages, those whose header `time` is an hour to three days before. Default 0.03. */
  readonly lateShare?: number;
  /** Of the messages, those that cannot be read; each kind of `FAULTS` in turn. Default 0.002. */
  readonly brokenShare?: number;
  /** Ids of the schema's first version and, where there is one, its second. */
  readonly schemaIds: readonly [first: number, second?: number];
  /** The number of the message (from 0) from which on the second version is written. Default: half of `count`. */
  readonly evolveAt?: number;
}

/** An event as it was sent. */
export interface SentEvent {
  readonly id: string;
  /** Of the header `time`: milliseconds since the epoch. */
  readonly timeMs: number;
  readonly late: boolean;
  readonly source: string;
  readonly eventversion: string;
  readonly transactionid: string;
  readonly correlationid: string;
  readonly value: TransmissaoEfetuada;
}

export type Truth =
  | { readonly kind: 'event'; readonly event: SentEvent }
  | { readonly kind: 'duplicate'; readonly event: SentEvent }
  | { readonly kind: 'broken'; readonly fault: Fault };

/** What a producer sends. */
export interface EventMessage {
  readonly key: Buffer;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
  readonly timestampMs: number;
  readonly partition: number;
  readonly truth: Truth;
}

interface GoodMessage extends EventMessage {
  readonly value: Buffer;
  readonly truth: { readonly kind: 'event'; readonly event: SentEvent };
}

/** Good messages that may be sent again: the newest ones, and the first of all. */
const RECENT_COUNT = 2000;
const OLDEST_COUNT = 500;
const HOUR_MS = 3_600_000;

const SPECVERSION: Header = ['specversion', Buffer.from('1.0')];
const TYPE: Header = ['type', Buffer.from('br.com.efinanceira.transmissao-efetuada')];
const MESSAGEVERSION: Header = ['messageversion', Buffer.from('1.0')];
const EVENTVERSIONS: readonly string[] = ['1.0', '1.1'];
const DATACONTENTTYPE: Header = ['datacontenttype', Buffer.from('application/avro')];

/** The messages in the order in which they are sent: the same for the same options. */
export function* generate(options: GenerateOptions): Generator<EventMessage, void> {
  const { count, duplicateShare = 0.02, brokenShare = 0.002 } = options;
  const evolveAt =
    options.schemaIds[1] === undefined ? count : (options.evolveAt ?? Math.floor(count / 2));
  const feed = new Feed(options);
  for (let number = 0; number < count; number += 1) {
    const chance = feed.random.float();
    const repaired = feed.takeRepaired(number);
    if (repaired !== null) yield repaired;
    else if (chance < brokenShare) yield feed.broken(number);
    else if (chance < brokenShare + duplicateShare && feed.goodCount > 0) yield feed.again(number);
    else yield feed.good(number, number < evolveAt ? 0 : 1);
  }
}

/** The senders, and what they have sent so far. */
class Feed {
  readonly random: Random;
  goodCount = 0;
  readonly #options: GenerateOptions;
  readonly #companies: readonly Company[];
  /** The first good messages, then a ring of the newest. */
  readonly #sent: GoodMessage[] = [];
  #brokenCount = 0;
  #repaired: GoodMessage | null = null;

  constructor(options: GenerateOptions) {
    this.random = seededRandom(options.seed);
    this.#options = options;
    this.#companies = Array.from({ length: options.companies }, (_, index) =>
      newCompany(index, options.partitions),
    );
  }

  good(number: number, version: number): EventMessage {
    return this.#remembered(this.#newMessage({ number, version, acceptedAlways: false }));
  }

  /** A good message once more. */
  again(number: number): EventMessage {
    const { random } = this;
    const { partitions } = this.#options;
    const among = random.float() < 0.2 ? OLDEST_COUNT : this.#sent.length;
    const message = itemAt(this.#sent, below(random, Math.min(among, this.#sent.length)));
    const moves = random.float() < 0.3 && partitions > 1;
    const partition = moves
      ? (message.partition + 1 + below(random, partitions - 1)) % partitions
      : message.partition;
    const truth = { kind: 'duplicate', event: message.truth.event } as const;
    return { ...message, timestampMs: this.#timestampMs(number), partition, truth };
  }

  broken(number: number): EventMessage {
    const fault = itemAt(FAULTS, this.#brokenCount);
    this.#brokenCount += 1;
    const whole = this.#newMessage({ number, version: 0, acceptedAlways: true });
    // A producer that was cut off sends the event again, whole: the first try must not stand in its way.
    if (fault === 'truncated-value') this.#repaired = whole;
    const contents = breakMessage(fault, whole.value, whole.headers);
    return { ...whole, ...contents, truth: { kind: 'broken', fault } };
  }

  /** The whole message of the one that was cut off just before, if it was. */
  takeRepaired(number: number): EventMessage | null {
    const message = this.#repaired;
    if (message === null) return null;
    this.#repaired = null;
    return this.#remembered({ ...message, timestampMs: this.#timestampMs(number) });
  }

  #newMessage(of: {
    readonly number: number;
    readonly version: number;
    readonly acceptedAlways: boolean;
  }): GoodMessage {
    const { random } = this;
    const { seed, lateShare = 0.03, schemaIds } = this.#options;
    // Few companies send much.
    const company = pick(this.#companies, random, 2);
    const timestampMs = this.#timestampMs(of.number);
    const late = random.float() < lateShare;
    const timeMs = late
      ? timestampMs - Math.floor(HOUR_MS * (1 + 71 * random.float() ** 2))
      : timestampMs;
    const event: SentEvent = {
      // No two messages of a seed have one id, nor do those of seeds that differ in their lower 16 bits.
      id: newUuid(random, { group: seed & 0xffff, node: mix(of.number) }),
      timeMs,
      late,
      source: company.source,
      eventversion: itemAt(EVENTVERSIONS, of.version),
      transactionid: newUuid(random),
      correlationid: batchOf(company, random),
      value: newValue({ ...of, random, company, timeMs }),
    };
    const schemaId = schemaIds[of.version] ?? schemaIds[0];
    return {
      key: company.key,
      value: encodeEvent(event.value, { version: of.version, schemaId }),
      headers: headersOf(event, company),
      timestampMs,
      partition: company.partition,
      truth: { kind: 'event', event },
    };
  }

  #remembered(message: GoodMessage): GoodMessage {
    const count = this.goodCount;
    this.goodCount += 1;
    const place =
      count < OLDEST_COUNT ? count : OLDEST_COUNT + ((count - OLDEST_COUNT) % RECENT_COUNT);
    this.#sent[place] = message;
    return message;
  }

  #timestampMs(number: number): number {
    return this.#options.startMs + Math.floor((number * 1000) / this.#options.ratePerSecond);
  }
}

function headersOf(event: SentEvent, company: Company): Header[] {
  return [
    SPECVERSION,
    TYPE,
    company.sourceHeader,
    ['id', Buffer.from(event.id, 'latin1')],
    ['time', Buffer.from(timeText(event.timeMs, company.writesUtc), 'latin1')],
    MESSAGEVERSION,
    ['eventversion', Buffer.from(event.eventversion, 'latin1')],
    ['transactionid', Buffer.from(event.transactionid, 'latin1')],
    ['correlationid', Buffer.from(event.correlationid, 'latin1')],
    DATACONTENTTYPE,
  ];
}

/** RFC 3339, with milliseconds, as CloudEvents asks for it. */
function timeText(timeMs: number, utc: boolean): string {
  if (utc) return new Date(timeMs).toISOString();
  return `${new Date(timeMs - 3 * HOUR_MS).toISOString().slice(0, -1)}-03:00`;
}

/** One to one on 32 bits (the last steps of murmur3). */
function mix(number: number): number {
  let h = number ^ 0x5bd1e995;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
