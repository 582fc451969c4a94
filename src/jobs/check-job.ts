/** What the shape of a job cannot say: that the columns it names are there, and its parts go together. */

import { isDeltaError, unreachable } from '../base/index.ts';
import {
  expressionColumns,
  findField,
  isFilled,
  parseExpression,
  STRING,
  type StructType,
  TIMESTAMP,
  typeName,
  typesEqual,
} from '../schema/index.ts';
import { DATE_COLUMN, envelopeSchema, HEADER_TYPES } from '../stream/index.ts';
import { checkProperties } from '../table/index.ts';
import type { Config, DeltaSink, Job, KafkaSource, MergeSink, ParquetFolderSink } from './job.ts';
import { configInvalid } from './errors.ts';
import { didYouMean } from './near-name.ts';

const NO_COLUMNS: StructType = { kind: 'struct', fields: [] };
/** Columns of the envelope that every message has a value for. */
const NEVER_NULL: ReadonlySet<string> = new Set(['topic', 'partition', 'offset', 'timestamp']);

/** Errors: `CONFIG_INVALID`, with the path to the key. */
export function checkJob(job: Job): void {
  const key = `jobs.${job.name}`;
  const { source, sink, dropDuplicates, keepLatest } = job;
  if (source.kind === 'files' && source.schema.fields.length === 0) {
    throw configInvalid(`${key}.source.schema`, 'must have a column');
  }
  if (source.kind === 'kafka') checkKafkaSource(key, source);
  const rows = sourceColumns(source);
  checkNames(`${key}.keys`, job.keys, rows);
  checkNames(`${key}.dropDuplicates.columns`, dropDuplicates?.columns ?? [], rows);
  if (source.kind === 'kafka') {
    checkHeaders(`${key}.keys`, job.keys, source);
    checkHeaders(`${key}.dropDuplicates.columns`, dropDuplicates?.columns ?? [], source);
  }
  if (job.transform === null && source.kind === 'files') {
    checkNames(`${key}.keepLatest.by`, keepLatest?.by ?? [], rows);
    checkNames(`${key}.keepLatest.orderBy`, keepLatest?.orderBy ?? [], rows);
  }
  if (dropDuplicates?.against === 'table' && (sink.kind === 'merge' || sink.kind === 'kafka')) {
    throw configInvalid(
      `${key}.dropDuplicates.against`,
      sink.kind === 'merge'
        ? 'must be "batch" with a merge: its condition decides what the table takes'
        : 'must be "batch" with a topic: what it holds is not looked through',
    );
  }
  if (dropDuplicates !== null && job.transform !== null && sink.kind === 'merge') {
    throw configInvalid(
      `${key}.dropDuplicates`,
      'does not go with a transform and a merge; say "keepLatest", or let the transform group the rows',
    );
  }
  if (keepLatest !== null && sink.kind !== 'merge') {
    throw configInvalid(`${key}.keepLatest`, 'is for a merge; other sinks take every row');
  }
  const isTable = sink.kind === 'append' || sink.kind === 'merge';
  if (job.workers !== null && (source.kind !== 'kafka' || !isTable)) {
    throw configInvalid(
      `${key}.workers`,
      'are for a source "kafka" and a sink "append" or "merge"',
    );
  }
  if (job.workers !== null && sink.kind === 'merge' && sink.post !== null) {
    throw configInvalid(
      `${key}.workers`,
      'do not go with "post": the newest totals are posted, and workers would pass one another on the way',
    );
  }
  switch (sink.kind) {
    case 'append':
    case 'merge':
      checkTableSink(job, sink);
      break;
    case 'parquet':
      checkParquetSink(job, sink);
      break;
    case 'kafka':
      break;
    default:
      unreachable(sink);
  }
  checkHorizon(`${key}.dropDuplicates`, job);
}

/** Messages are rejected where a header is missing; what else can be null would leave rows out unseen. */
function checkHeaders(key: string, names: readonly string[], { headers }: KafkaSource): void {
  for (const name of names) {
    if (findField(headers, name) !== null || NEVER_NULL.has(name)) continue;
    throw configInvalid(
      key,
      `of messages must be headers, or of ${[...NEVER_NULL].join(', ')}, not ${JSON.stringify(name)}`,
    );
  }
}

/** That jobs with a topic have brokers, and those with Avro a registry. Errors: `CONFIG_INVALID`. */
export function checkConnections(config: Config): void {
  for (const { name, source, sink } of config.jobs.values()) {
    const post = sink.kind === 'kafka' ? sink : sink.kind === 'merge' ? sink.post : null;
    if (config.kafka === null && (source.kind === 'kafka' || post !== null)) {
      throw configInvalid('kafka', `is missing: the job ${name} has a topic`);
    }
    const isAvro =
      (source.kind === 'kafka' && source.value.format === 'avro') || post?.value.format === 'avro';
    if (config.registry === null && isAvro) {
      throw configInvalid('registry', `is missing: the job ${name} has messages in Avro`);
    }
  }
}

/**
 * That no two jobs keep their progress, or their files, in one place: each would take the other's for its own.
 * Errors: `CONFIG_INVALID`.
 */
export function checkPlaces(config: Config): void {
  const taken = new Map<string, string>();
  const take = (key: string, location: string): void => {
    const by = taken.get(location);
    if (by !== undefined) throw configInvalid(key, `is the place of ${by} too; give each its own`);
    taken.set(location, key);
  };
  for (const { name, checkpoint, sink } of config.jobs.values()) {
    take(`jobs.${name}.checkpoint`, checkpoint);
    if (sink.kind === 'parquet') take(`jobs.${name}.sink.location`, sink.location);
  }
}

/** The columns that are known before any row is read: all of them, but for what messages hold. */
function sourceColumns(source: Job['source']): StructType {
  return source.kind === 'files' ? source.schema : envelopeSchema(source);
}

function checkKafkaSource(key: string, source: KafkaSource): void {
  const seen = new Set(
    envelopeSchema({ ...source, headers: NO_COLUMNS }).fields.map(({ name }) => name),
  );
  for (const { name, type } of source.headers.fields) {
    if (seen.has(name.toLowerCase())) {
      throw configInvalid(`${key}.source.headers`, `the column ${name} is there already`);
    }
    seen.add(name.toLowerCase());
    if (!HEADER_TYPES.some((known) => typesEqual(type, known))) {
      throw configInvalid(
        `${key}.source.headers`,
        `${name} is ${typeName(type)}; a header can be STRING, BINARY or TIMESTAMP`,
      );
    }
  }
  checkStart(`${key}.source.startingOffsets.offsets`, source);
  const { dateFrom } = source;
  if (dateFrom === null) return;
  const time = findField(source.headers, dateFrom);
  if (time === null || !typesEqual(time.type, TIMESTAMP)) {
    throw configInvalid(
      `${key}.source.dateFrom`,
      'must be the name of a header that is a TIMESTAMP',
    );
  }
}

/** What is misspelled would start at the earliest message instead. */
function checkStart(key: string, { topics, startingOffsets: start }: KafkaSource): void {
  if (typeof start === 'string' || !('offsets' in start)) return;
  for (const [topic, partitions] of start.offsets) {
    if ('names' in topics && !topics.names.includes(topic)) {
      throw configInvalid(
        key,
        `${topic} is not among the topics; there are: ${topics.names.join(', ')}`,
      );
    }
    if ([...partitions.keys()].some((partition) => !Number.isSafeInteger(partition))) {
      throw configInvalid(`${key}.${topic}`, 'must be offsets by the numbers of partitions');
    }
  }
}

function checkTableSink(job: Job, sink: DeltaSink): void {
  const key = `jobs.${job.name}`;
  const { source } = job;
  checkTableProperties(`${key}.sink.properties`, sink.properties);
  // What a transform or a message brings is known when the first rows are there.
  const rows = job.transform === null && source.kind === 'files' ? source.schema : null;
  if (sink.kind === 'merge' && sink.post?.key.length === 0) {
    throw configInvalid(
      `${key}.sink.post.key`,
      'is missing: by these columns it is known which rows a batch changed',
    );
  }
  if (sink.schema === null) return;
  checkNames(`${key}.sink.partitionBy`, sink.partitionColumns, sink.schema);
  if (sink.kind === 'merge') {
    checkPostKey(`${key}.sink.post.key`, sink.post?.key ?? [], sink.schema);
  }
  if (rows === null) return;
  checkSinkSchema(`${key}.sink.schema`, sink.schema, rows);
  if (sink.kind === 'merge') {
    checkMerge(`${key}.sink`, sink, { table: sink.schema, source: rows });
  } else {
    checkNames(`${key}.dropDuplicates.columns`, job.dropDuplicates?.columns ?? [], sink.schema);
    checkNames(`${key}.keys`, job.keys, sink.schema);
  }
}

function checkPostKey(key: string, names: readonly string[], schema: StructType): void {
  checkNames(
    key,
    names.map((name) => findField(schema, name)?.name ?? name),
    schema,
  );
}

function checkParquetSink(
  { name, source, transform, dropDuplicates }: Job,
  sink: ParquetFolderSink,
): void {
  const key = `jobs.${name}`;
  if (source.kind !== 'kafka' || transform !== null) {
    throw configInvalid(
      `${key}.sink.kind`,
      'a folder of Parquet files takes the messages of a topic as they are; use "append" for other rows',
    );
  }
  checkNames(`${key}.sink.partitionBy`, sink.partitionColumns, envelopeSchema(source));
  for (const column of sink.partitionColumns) {
    if (column === DATE_COLUMN || column === 'topic' || column === 'partition') continue;
    throw configInvalid(
      `${key}.sink.partitionBy`,
      `must be of "topic", "partition" and "${DATE_COLUMN}", not ${JSON.stringify(column)}`,
    );
  }
  if (dropDuplicates === null) return;
  const [column = '', ...more] = dropDuplicates.columns;
  const header = findField(source.headers, column);
  if (more.length > 0 || header === null || !typesEqual(header.type, STRING)) {
    throw configInvalid(
      `${key}.dropDuplicates.columns`,
      'must be one header that is a STRING, where messages go to a folder of Parquet files',
    );
  }
}

function checkHorizon(key: string, { sink, dropDuplicates }: Job): void {
  if (dropDuplicates === null || dropDuplicates.horizonDays === null) return;
  if (sink.kind !== 'parquet' || !sink.partitionColumns.includes(DATE_COLUMN)) {
    throw configInvalid(
      `${key}.horizonDays`,
      `needs a sink that is partitioned by "${DATE_COLUMN}", a folder of Parquet files; others look through all they hold`,
    );
  }
  if (dropDuplicates.against === 'batch') {
    throw configInvalid(
      `${key}.horizonDays`,
      'needs against: "table"; what came before a batch does not matter here',
    );
  }
}

function checkMerge(
  key: string,
  sink: MergeSink,
  { table, source }: { readonly table: StructType; readonly source: StructType },
): void {
  const both = { t: table, s: source };
  const onlySource = { s: source };
  checkColumns(`${key}.on`, sink.on, both);
  for (const [index, clause] of sink.whenMatched.entries()) {
    const at = `${key}.whenMatched.${index}`;
    if (clause.condition !== undefined) checkColumns(`${at}.condition`, clause.condition, both);
    if (!('update' in clause) || clause.update === '*') continue;
    checkAssignments(`${at}.update`, clause.update, { table, sides: both });
  }
  for (const [index, { condition, insert }] of sink.whenNotMatched.entries()) {
    const at = `${key}.whenNotMatched.${index}`;
    if (condition !== undefined) checkColumns(`${at}.condition`, condition, onlySource);
    if (insert === '*') continue;
    checkAssignments(`${at}.insert`, insert, { table, sides: onlySource });
  }
}

/** The schemas that an expression may name, by the alias they go by. */
type Sides = Readonly<Record<string, StructType>>;

function checkAssignments(
  key: string,
  assignments: Readonly<Record<string, string>>,
  { table, sides }: { readonly table: StructType; readonly sides: Sides },
): void {
  checkNames(key, Object.keys(assignments), table);
  for (const [column, value] of Object.entries(assignments)) {
    checkColumns(`${key}.${column}`, value, sides);
  }
}

function checkColumns(key: string, text: string, sides: Sides): void {
  const expression = parseExpression(text);
  for (const path of expressionColumns(expression)) {
    const [alias = '', column = ''] = path;
    const side = sides[alias];
    if (side !== undefined && path.length > 1) {
      if (findField(side, column) !== null) continue;
      throw configInvalid(key, `${alias} has no column ${JSON.stringify(column)}`);
    }
    if (Object.values(sides).some((schema) => findField(schema, alias) !== null)) continue;
    const known = Object.keys(sides).map((name) => `${name}.`);
    throw configInvalid(
      key,
      `there is no column ${JSON.stringify(path.join('.'))}; columns are named as ${known.join(' or ')}column`,
    );
  }
}

function checkTableProperties(key: string, properties: Readonly<Record<string, string>>): void {
  try {
    checkProperties(properties);
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    throw configInvalid(key, error.message);
  }
}

function checkNames(key: string, names: readonly string[], schema: StructType): void {
  const known = schema.fields.map((field) => field.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw configInvalid(
      key,
      `there is no column ${JSON.stringify(name)}${didYouMean(name, known)}; there are: ${known.join(', ')}`,
    );
  }
}

function checkSinkSchema(key: string, sink: StructType, source: StructType): void {
  for (const field of sink.fields) {
    const from = findField(source, field.name);
    if (from === null && isFilled(field)) continue;
    if (from === null || from.name !== field.name) {
      throw configInvalid(key, `the source has no column ${JSON.stringify(field.name)}`);
    }
    if (!typesEqual(from.type, field.type)) {
      throw configInvalid(
        key,
        `${field.name} is ${typeName(field.type)} here and ${typeName(from.type)} in the source`,
      );
    }
  }
}
