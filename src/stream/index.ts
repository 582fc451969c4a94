/** Sources and their progress: files below a prefix, and checkpoints in Spark's format. */

export {
  type BatchOffsets,
  type Checkpoint,
  cleanCheckpoint,
  isPending,
  isTidyDue,
  openCheckpoint,
  readOffsets,
  writeCommit,
  writeOffsets,
} from './checkpoint.ts';
export {
  type Failure,
  type FilePlan,
  FileSource,
  type PlannedFile,
  type Probe,
  type Probed,
  type SourceFile,
} from './file-source.ts';
export {
  behind,
  type KafkaBounds,
  type KafkaLoss,
  type KafkaOffsets,
  type KafkaPlan,
  planRanges,
  printKafkaOffsets,
  rangesBetween,
  readInitialOffsets,
  readKafkaOffsets,
  withUndecided,
  writeInitialOffsets,
} from './kafka-offsets.ts';
export type { BatchLimits } from '../table/index.ts';
export { printLogOffset, readLogOffset } from './log-offset.ts';
export type { ParquetSink, ParquetSinkOptions, SinkFile } from './parquet-sink.ts';
export { partitionValuesOf } from './partition-values.ts';
export { fromPathUri, toPathUri } from './path-uri.ts';
export { type LoggedFile, type LoggedFiles, SinkLogReader } from './sink-log.ts';
export type { FileEntry, FileRejection } from './source-log.ts';
export { readText, writeOnce } from './write-once.ts';
export {
  avroPayloads,
  jsonPayloads,
  openBroker,
  openMessageReader,
  openParquetSink,
  openRecordedBroker,
  rawPayloads,
  recordTopic,
} from './lazy.ts';
export type { Payloads } from './message-payloads.ts';
export type { MessageFile } from './message-files.ts';
export type {
  DeadLetter,
  MessageReader,
  MessageSpec,
  ReadMessages,
  ReadMessagesOptions,
} from './message-reader.ts';
export {
  DATE_COLUMN,
  type EnvelopeSpec,
  envelopeSchema,
  HEADER_TYPES,
} from './message-envelope.ts';
export type {
  Assignment,
  Broker,
  BrokerTools,
  Codec,
  GroupSpec,
  KafkaConnection,
  KafkaRecord,
  KafkaSasl,
  KafkaTls,
  Membership,
  OffsetAt,
  OffsetRange,
  ProducedRecord,
  Producer,
  RecordedFolders,
  RecordFields,
  SecretProvider,
  TopicInfo,
  TopicPartition,
  TopicSelection,
} from './kafka/index.ts';
