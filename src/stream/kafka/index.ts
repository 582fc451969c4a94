/** The only door to Kafka: brokers, real and recorded. */

export type {
  Codec,
  KafkaConnection,
  KafkaSasl,
  KafkaTls,
  SecretProvider,
} from './connection-spec.ts';
export { type BrokerTools, openBroker } from './kafka-broker.ts';
export type { Assignment, GroupSpec, Membership } from './membership.ts';
export { openRecordedBroker, type RecordedFolders, recordTopic } from './recorded-broker.ts';
export type {
  Broker,
  KafkaRecord,
  OffsetAt,
  OffsetRange,
  ProducedRecord,
  Producer,
  RecordFields,
  TopicInfo,
  TopicPartition,
  TopicSelection,
} from './types.ts';
