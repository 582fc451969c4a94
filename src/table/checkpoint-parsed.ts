/**
 * Partition values and statistics as typed columns of a checkpoint, with the types that Spark gives them: members of `add` named
 * `partitionValues_parsed` and `stats_parsed`. PROTOCOL.md, "Checkpoint Schema", "Per-file Statistics".
 */

import {
  isDeltaError,
  isJsonObject,
  JsonNumber,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../base/index.ts';
import { type AddFile, type Metadata, type Protocol, supportsFeature } from '../log/index.ts';
import {
  BOOLEAN,
  type DataType,
  findField,
  fromScalar,
  indexedSchema,
  LONG,
  mappingMode,
  parsePartitionValue,
  parseSchema,
  physicalName,
  readTimestamp,
  type RowValue,
  type Scalar,
  type StructField,
  type StructType,
  withoutMapping,
} from '../schema/index.ts';

/** How the statistics of files stand in the checkpoints of a table. */
export interface StatisticsLayout {
  /** Whether as the JSON text that commits have. */
  readonly hasText: boolean;
  /** The typed members of `add`; null for none. */
  readonly parsed: StructType | null;
}

const PARTITION = 'partitionValues_parsed';
const STATISTICS = 'stats_parsed';

/** As `delta.checkpoint.writeStatsAsStruct` and `delta.checkpoint.writeStatsAsJson` say; the text is left out for typed members only. */
export function statisticsLayout(protocol: Protocol, metadata: Metadata): StatisticsLayout {
  const { configuration, schemaString, partitionColumns } = metadata;
  const says = (name: string): string | undefined =>
    configuration[`delta.checkpoint.${name}`]?.toLowerCase();
  if (says('writeStatsAsStruct') !== 'true') return { hasText: true, parsed: null };
  const whole = parseSchema(schemaString);
  const schema = mappingMode(configuration) === 'none' ? withoutMapping(whole) : whole;
  const partitions = partitionColumns.flatMap((name) => {
    const field = findField(schema, name);
    return field === null ? [] : [member(physicalName(field), field.type)];
  });
  const statistics = statisticsFields(
    indexedSchema(schema, { partitionColumns, configuration }),
    supportsFeature(protocol, 'deletionVectors'),
  );
  const fields = [...structOf(PARTITION, partitions), ...structOf(STATISTICS, statistics)];
  return { hasText: says('writeStatsAsJson') !== 'false', parsed: { kind: 'struct', fields } };
}

/** The typed members of a file; what is no value of its type is null, as in Spark. */
export function parsedRow({ partitionValues, stats }: AddFile, layout: StructType): RowValue {
  const json = stats === undefined ? undefined : parseText(stats);
  const row: Record<string, RowValue> = {};
  for (const { name, type } of layout.fields) {
    row[name] = valueOf(name === PARTITION ? partitionValues : json, type);
  }
  return row;
}

/** Types of which Spark keeps bounds. */
const BOUNDED: ReadonlySet<string> = new Set([
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'date',
  'timestamp',
  'timestamp_ntz',
  'string',
]);

function statisticsFields(schema: StructType, hasVectors: boolean): readonly StructField[] {
  const isBounded = (type: DataType): boolean =>
    type.kind === 'decimal' || (type.kind === 'primitive' && BOUNDED.has(type.name));
  const bounds = fieldsBelow(schema, (type) => (isBounded(type) ? type : null));
  return [
    member('numRecords', LONG),
    ...structOf('minValues', bounds),
    ...structOf('maxValues', bounds),
    ...structOf(
      'nullCount',
      fieldsBelow(schema, () => LONG),
    ),
    ...(hasVectors ? [member('tightBounds', BOOLEAN)] : []),
  ];
}

/** The fields by their names in files, each leaf with the type that it is to have; null leaves it out. */
function fieldsBelow(
  { fields }: StructType,
  typeOf: (type: DataType) => DataType | null,
): readonly StructField[] {
  return fields.flatMap((field) => {
    const name = physicalName(field);
    if (field.type.kind === 'struct') return structOf(name, fieldsBelow(field.type, typeOf));
    const type = typeOf(field.type);
    return type === null ? [] : [member(name, type)];
  });
}

/** A group needs a member. */
function structOf(name: string, fields: readonly StructField[]): readonly StructField[] {
  return fields.length === 0 ? [] : [member(name, { kind: 'struct', fields })];
}

function member(name: string, type: DataType): StructField {
  return { name, type, nullable: true, metadata: {} };
}

function parseText(stats: string): JsonValue | undefined {
  try {
    return parseJson(stats);
  } catch {
    // Statistics only help; a file whose statistics cannot be read is a file without them.
    return undefined;
  }
}

function valueOf(value: JsonValue | undefined, type: DataType): RowValue {
  if (type.kind !== 'struct') return fromScalar(scalarOf(value, type), type);
  if (!isJsonObject(value)) return null;
  return Object.fromEntries(
    type.fields.map((field) => [field.name, valueOf(own(value, field.name), field.type)]),
  );
}

/** Columns may be named like what every object inherits. */
function own(value: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function scalarOf(value: JsonValue | undefined, type: DataType): Scalar | null {
  const text = textOf(value);
  if (text === null) return null;
  const name = type.kind === 'primitive' ? type.name : null;
  if (name === 'string') return typeof value === 'string' ? value : null;
  // A text without a zone says nothing about an instant: its writer may have meant its own.
  if (name === 'timestamp' && readTimestamp(text)?.zoned !== true) return null;
  try {
    return parsePartitionValue(text, type);
  } catch (error) {
    if (isDeltaError(error, 'SCHEMA_PARTITION_VALUE')) return null;
    throw error;
  }
}

function textOf(value: JsonValue | undefined): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return value instanceof JsonNumber ? String(value) : null;
  }
}
