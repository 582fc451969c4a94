/**
 * What topics and their sinks take, each loaded when it is first called: a job of files that finds nothing new should not
 * pay for it.
 */

import type {
  openBroker as openBrokerNow,
  openRecordedBroker as openRecordedBrokerNow,
  recordTopic as recordTopicNow,
} from './kafka/index.ts';
import type {
  avroPayloads as avroPayloadsNow,
  jsonPayloads as jsonPayloadsNow,
  Payloads,
  rawPayloads as rawPayloadsNow,
} from './message-payloads.ts';
import type { MessageReader } from './message-reader.ts';
import type { ParquetSink } from './parquet-sink.ts';

/** See `kafka/kafka-broker.ts`. */
export const openBroker: typeof openBrokerNow = async (...args) =>
  (await import('./kafka/index.ts')).openBroker(...args);

/** See `kafka/recorded-broker.ts`. */
export const openRecordedBroker = async (
  ...args: Parameters<typeof openRecordedBrokerNow>
): Promise<ReturnType<typeof openRecordedBrokerNow>> =>
  (await import('./kafka/index.ts')).openRecordedBroker(...args);

/** See `kafka/recorded-broker.ts`. */
export const recordTopic: typeof recordTopicNow = async (...args) =>
  (await import('./kafka/index.ts')).recordTopic(...args);

/** See `message-payloads.ts`. */
export const avroPayloads = async (
  ...args: Parameters<typeof avroPayloadsNow>
): Promise<Payloads> => (await import('./message-payloads.ts')).avroPayloads(...args);

/** See `message-payloads.ts`. */
export const jsonPayloads: typeof jsonPayloadsNow = async (...args) =>
  (await import('./message-payloads.ts')).jsonPayloads(...args);

/** See `message-payloads.ts`. */
export const rawPayloads: typeof rawPayloadsNow = async (...args) =>
  (await import('./message-payloads.ts')).rawPayloads(...args);

/** See `message-reader.ts`. */
export const openMessageReader: typeof MessageReader.open = async (...args) =>
  (await import('./message-reader.ts')).MessageReader.open(...args);

/** See `parquet-sink.ts`. */
export const openParquetSink: typeof ParquetSink.open = async (...args) =>
  (await import('./parquet-sink.ts')).ParquetSink.open(...args);
