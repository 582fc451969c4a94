/** Every error of the Kafka door, and how failures of the client library become them. */

import { DeltaError, isDeltaError, type ErrorDetails } from '../../base/index.ts';
import { loadLibrary } from './library.ts';

/** What was asked of which broker; goes into the details. */
export interface KafkaCall {
  readonly broker: string;
  readonly operation: string;
  readonly topic?: string;
  readonly partition?: number;
}

export function topicMissing(broker: string, topic: string, retryable = false): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'KAFKA_TOPIC_MISSING',
    message: 'there is no such topic or partition; check its name, or create it',
    details: { broker, topic },
    retryable,
  });
}

/** Records of the range are not there: retention or a deletion took them, or the topic was made anew. */
export function offsetOutOfRange(
  call: KafkaCall,
  facts: {
    readonly offset: number;
    readonly end: number;
    readonly earliest: number;
    readonly latest: number;
  },
): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'KAFKA_OFFSET_OUT_OF_RANGE',
    message:
      'records that are wanted are not in the topic any more: retention took them, or the topic was made anew. ' +
      'Records before the earliest offset are lost here; go on from there only if that is known and accepted',
    details: { ...call, ...facts },
  });
}

export function recordsBroken(call: KafkaCall, reason: string, offset: number): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'KAFKA_RECORDS_BROKEN',
    message: `records cannot be read: ${reason}. Look at the topic's log, or skip the offset`,
    details: { ...call, offset },
  });
}

export function recordsUnsupported(call: KafkaCall, what: string, offset: number): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'KAFKA_RECORDS_UNSUPPORTED',
    message: `records are in ${what}, which is not read here`,
    details: { ...call, offset },
  });
}

export function connectionInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'KAFKA_CONNECTION_INVALID',
    message: `the connection to Kafka is not well described: ${reason}`,
  });
}

/** Another producer of the same transactional id began later. */
export function fenced(broker: string, transactionalId: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'KAFKA_FENCED',
    message:
      'another producer with the same transactional id has begun, so that nothing of this one counts any more. ' +
      'Two runs of one job are active: let one of them end',
    details: { broker, transactionalId },
    cause,
  });
}

/** The worker that had the partition is not the one that has it now. */
export function partitionLost(topic: string, partition: number): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'KAFKA_PARTITION_LOST',
    message:
      'a partition went to another worker of the group; what was not committed of it is left to that one',
    details: { topic, partition },
    retryable: true,
  });
}

/** The members of a group do different work. */
export function groupShared(broker: string, group: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'KAFKA_GROUP_SHARED',
    message:
      'the consumer group has members that do something else, so that each would miss partitions; ' +
      'give the workers of each job, and of each checkpoint, a group of their own',
    details: { broker, group },
  });
}

export function notTransactional(broker: string): DeltaError {
  return new DeltaError({
    kind: 'internal',
    code: 'KAFKA_NOT_TRANSACTIONAL',
    message: 'this producer was opened without a transactional id',
    details: { broker },
  });
}

/** A file of a recorded topic that does not hold what it should. */
export function recordingBroken(file: string, line: number, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'KAFKA_RECORDING_BROKEN',
    message: `a recorded topic cannot be read: ${reason}`,
    details: { file, line },
  });
}

export function recordingReadOnly(broker: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'KAFKA_RECORDING_READ_ONLY',
    message: 'this recorded broker has no folder to write to; give it one to produce records',
    details: { broker },
  });
}

/** Another process keeps writing the same recorded topic. */
export function recordingBusy(file: string): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'KAFKA_RECORDING_BUSY',
    message: 'another process writes the same recorded topic without pause; try again later',
    details: { file },
    retryable: true,
  });
}

/** A broker's answer that says no, by the number or the name that it has (Kafka's protocol guide, "Error Codes"). */
export class BrokerRefusal extends Error {
  readonly answer: number | string;
  readonly #said: string | null;

  /** `said`: what the broker says of it. */
  constructor(answer: number | string, said: string | null = null) {
    super(String(answer));
    this.answer = answer;
    this.#said = said;
  }

  /** The same with its name, its text, and whether it may pass. */
  async named(): Promise<Error> {
    return new (await loadLibrary()).ProtocolError(this.answer, this.#said);
  }
}

const DENIED = /AUTHENTICATION|AUTHORIZATION_FAILED|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE/;
const FENCED = new Set(['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH', 'FENCED_INSTANCE_ID']);
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
const MISSING = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC']);
const CERTIFICATE = /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_(?:VERIFY|GET)|requires TLS/;

/** A failure of the client library or of the network, in the words of this package. */
export function fromKafka(call: KafkaCall, error: unknown): DeltaError {
  const failure = new Failure(error);
  if (failure.own !== null) return failure.own;
  const text = failure.text();
  const spec = { details: detailsOf(call), cause: plainCause(text) };
  if (failure.has((part) => FENCED.has(part.api))) {
    return fenced(call.broker, '', plainCause(text));
  }
  if (failure.denied()) {
    return new DeltaError({
      ...spec,
      kind: 'invalid',
      code: 'KAFKA_DENIED',
      message: `Kafka refused access (${text}); check the credentials, the mechanism and the rights`,
    });
  }
  if (failure.has((part) => CERTIFICATE.test(part.code) || CERTIFICATE.test(part.message))) {
    return new DeltaError({
      ...spec,
      kind: 'invalid',
      code: 'KAFKA_TLS',
      message: `no trusted connection to Kafka (${text}); check tls, its certificates and the port`,
    });
  }
  if (failure.has((part) => MISSING.has(part.api))) {
    // A broker that has just started may not know of it yet: the next try asks what there is.
    return topicMissing(call.broker, call.topic ?? '', true);
  }
  if (failure.has((part) => TOO_LARGE.has(part.api))) {
    return new DeltaError({
      ...spec,
      kind: 'invalid',
      code: 'KAFKA_RECORD_TOO_LARGE',
      message: `Kafka takes no records of this size (${text}); raise max.message.bytes of the topic`,
    });
  }
  return new DeltaError({
    ...spec,
    kind: 'unavailable',
    code: 'KAFKA_UNAVAILABLE',
    message: `Kafka could not do this (${text}); try again later`,
    retryable: failure.passing(),
  });
}

/** The protocol's name of an error, where a broker answered with one. */
export function protocolErrors(error: unknown): ReadonlySet<string> {
  return new Set(new Failure(error).parts.map((part) => part.api).filter((api) => api !== ''));
}

interface Part {
  /** The library's or Node's code. */
  readonly code: string;
  /** The protocol's name of a broker's error. */
  readonly api: string;
  readonly message: string;
  readonly final: boolean;
  readonly leaf: boolean;
}

const DEPTH_MAX = 8;

/** What a thrown value says, with the errors inside of it: the library nests them as causes and lists. */
class Failure {
  readonly parts: Part[] = [];
  /** An error of this package that a provider of credentials threw. */
  own: DeltaError | null = null;

  constructor(error: unknown) {
    this.#walk(error, 0);
  }

  has(test: (part: Part) => boolean): boolean {
    return this.parts.some(test);
  }

  /** A connection that broke while it authenticated says nothing of the credentials. */
  denied(): boolean {
    const broke = this.has((part) => part.leaf && part.code === 'CONNECTION_BROKEN');
    return !broke && this.has((part) => DENIED.test(part.code) || DENIED.test(part.api));
  }

  /** Whether another try may help: a broker's error says so itself, and the network may come back. */
  passing(): boolean {
    const answers = this.parts.filter((part) => part.api !== '');
    if (answers.length > 0) return !answers.some((part) => part.final);
    return !this.has((part) => part.leaf && part.final);
  }

  text(): string {
    const leaves = this.parts.filter((part) => part.leaf);
    const texts = leaves.map(({ api, message }) => (api === '' ? message : `${api}: ${message}`));
    return [...new Set(texts)].join('; ');
  }

  #walk(error: unknown, depth: number): void {
    if (isDeltaError(error)) {
      this.own ??= error;
      return;
    }
    if (!(error instanceof Error) || depth > DEPTH_MAX) return;
    const inner = [...(error instanceof AggregateError ? error.errors : []), error.cause].filter(
      (each) => each instanceof Error,
    );
    this.parts.push({
      code: 'code' in error && typeof error.code === 'string' ? error.code : '',
      api: 'apiId' in error && typeof error.apiId === 'string' ? error.apiId : '',
      message: error.message,
      final: 'canRetry' in error && error.canRetry === false,
      leaf: inner.length === 0,
    });
    for (const each of inner) this.#walk(each, depth + 1);
  }
}

/** Only the text: the library's own errors carry requests and answers, of authentication too. */
function plainCause(text: string): Error {
  return new Error(text);
}

function detailsOf(call: KafkaCall): ErrorDetails {
  return { ...call };
}
