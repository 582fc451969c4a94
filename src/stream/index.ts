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
  type BatchLimits,
  type Failure,
  type FilePlan,
  FileSource,
  type PlannedFile,
  type Probe,
  type Probed,
  type SourceFile,
} from './file-source.ts';
export {
  type KafkaBounds,
  type KafkaLoss,
  type KafkaOffsets,
  type KafkaPlan,
  planRanges,
  printKafkaOffsets,
  rangesBetween,
  readInitialOffsets,
  readKafkaOffsets,
  writeInitialOffsets,
} from './kafka-offsets.ts';
export { printLogOffset, readLogOffset } from './log-offset.ts';
export { ParquetSink, type ParquetSinkOptions, type SinkRows } from './parquet-sink.ts';
export { partitionValuesOf } from './partition-values.ts';
export { fromPathUri, toPathUri } from './path-uri.ts';
export { type LoggedFile, type LoggedFiles, SinkLogReader } from './sink-log.ts';
export type { FileEntry, FileRejection } from './source-log.ts';
export { readText, writeOnce } from './write-once.ts';
export { avroPayloads, jsonPayloads, type Payloads, rawPayloads } from './message-payloads.ts';
export {
  type DeadLetter,
  type MessageFile,
  MessageReader,
  type MessageSpec,
  type ReadMessages,
  type ReadMessagesOptions,
} from './message-reader.ts';
export { DATE_COLUMN, type EnvelopeSpec, envelopeSchema, HEADER_TYPES } from './message-rows.ts';
export {
  type Assignment,
  type Broker,
  type BrokerTools,
  type Codec,
  type GroupSpec,
  type KafkaConnection,
  type KafkaRecord,
  type KafkaSasl,
  type KafkaTls,
  type Membership,
  type OffsetAt,
  type OffsetRange,
  openBroker,
  openRecordedBroker,
  type ProducedRecord,
  type Producer,
  type RecordedFolders,
  recordTopic,
  type SecretProvider,
  type TopicInfo,
  type TopicPartition,
  type TopicSelection,
} from './kafka/index.ts';
