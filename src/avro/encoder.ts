/** Rows as Avro messages, by `avsc`. */

import { assert, messageOf, present, printJson } from '../base/index.ts';
import { type Row, type RowValue, type Scalar, toScalar } from '../schema/index.ts';
import { sealEnvelope } from './envelope.ts';
import { badValue, notRecord } from './errors.ts';
import { plainSchema } from './plain-schema.ts';
import { avroToDelta, columnType, valueBranches, widerOf } from './to-delta.ts';
import type {
  AvroFixed,
  AvroMap,
  AvroPrimitive,
  AvroRecord,
  AvroSchema,
  AvroUnion,
} from './types.ts';

/** A row as a message in the envelope of its schema. Errors: `AVRO_BAD_VALUE` (invalid), with the `field`. */
export type AvroEncoder = (row: Row) => Buffer;

/**
 * An encoder for rows with the columns of `avroToDelta(schema)`, values as `RowValue` documents; a column that a row lacks
 * is null. Microseconds that a timestamp in milliseconds cannot hold are cut off. `schemaId` is what the registry calls
 * the schema.
 *
 * Errors: `AVRO_NOT_RECORD`, `AVRO_NO_COLUMN` (unsupported).
 */
export async function compileEncoder(schema: AvroSchema, schemaId: number): Promise<AvroEncoder> {
  if (schema.kind !== 'record') throw notRecord(schema.kind);
  avroToDelta(schema);
  const { default: avsc } = await import('avsc');
  // Numbers of 64 bits as `bigint`: those of JavaScript end at 2^53.
  const long = avsc.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => Buffer.from(BigInt64Array.of(value).buffer),
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (left: bigint, right: bigint) => Number(left > right) - Number(left < right),
  });
  const type = avsc.Type.forSchema(JSON.parse(printJson(plainSchema(schema))), {
    registry: { long },
    wrapUnions: true,
  });
  return (row) => sealEnvelope(schemaId, type.toBuffer(recordToAvsc(schema, row, '')));
}

/** The value as `avsc` takes it: unions as an object with the name of the branch. `field` is for messages. */
function toAvsc(type: AvroSchema, value: RowValue | undefined, field: string): unknown {
  switch (type.kind) {
    case 'null':
      if (value !== null && value !== undefined) throw badValue(field, 'it can only be null');
      return null;
    case 'union':
      return unionToAvsc(type, value, field);
    case 'record':
      if (!isRow(value)) throw badValue(field, 'a record takes an object with its fields');
      return recordToAvsc(type, value, `${field}.`);
    case 'array':
      if (!isArray(value)) throw badValue(field, 'an array takes an array');
      return value.map((item) => toAvsc(type.items, item, `${field}.element`));
    case 'map':
      return mapToAvsc(type, value, field);
    case 'enum':
      if (typeof value === 'string' && type.symbols.includes(value)) return value;
      throw badValue(field, 'it is none of the symbols');
    default:
      return scalarToAvsc(type, value, field);
  }
}

function recordToAvsc(record: AvroRecord, row: Row, prefix: string): unknown {
  const members = record.fields.map(({ name, type }) => {
    const value = Object.hasOwn(row, name) ? row[name] : null;
    return [name, toAvsc(type, value, prefix + name)];
  });
  return Object.fromEntries(members);
}

function mapToAvsc(type: AvroMap, value: RowValue | undefined, field: string): unknown {
  const pairs = value instanceof Map ? [...value] : value;
  if (!isArray(pairs)) throw badValue(field, 'a map takes a Map or an array of pairs');
  const members = pairs.map((pair) => {
    const [key, item] = isArray(pair) ? pair : [];
    if (typeof key !== 'string') throw badValue(field, 'the keys of a map are texts');
    return [key, toAvsc(type.values, item, `${field}.value`)];
  });
  return Object.fromEntries(members);
}

function unionToAvsc(union: AvroUnion, value: RowValue | undefined, field: string): unknown {
  const branches = valueBranches(union.branches).map(({ branch }) => branch);
  if (value === null || value === undefined) {
    if (branches.length < union.branches.length) return null;
    throw badValue(field, 'it is null, which no branch of the union is');
  }
  const wider = widerOf(branches);
  const only = branches.length === 1 ? branches[0] : branches.find(({ kind }) => kind === wider);
  if (only !== undefined) return { [branchName(only)]: toAvsc(only, value, field) };
  const members = isRow(value) ? Object.entries(value).filter(([, it]) => it !== null) : [];
  const [[name, member] = ['', null]] = members;
  const branch = branches.find((_, index) => name === `member${String(index)}`);
  if (members.length !== 1 || branch === undefined) {
    throw badValue(
      field,
      'a union of several types takes an object with one of member0, member1, …',
    );
  }
  return { [branchName(branch)]: toAvsc(branch, member, `${field}.${name}`) };
}

function branchName(branch: AvroSchema): string {
  return 'name' in branch ? branch.name : branch.kind;
}

function scalarToAvsc(
  type: AvroPrimitive | AvroFixed,
  value: RowValue | undefined,
  field: string,
): Scalar {
  const scalar = scalarOf(type, value, field);
  const { logical } = type;
  if (logical?.kind === 'decimal') {
    return decimalBytes(scalar, type.kind === 'fixed' ? type.sizeBytes : null);
  }
  if (logical?.kind.endsWith('timestamp-millis') === true && typeof scalar === 'bigint') {
    return floorToMillis(scalar);
  }
  if (!(scalar instanceof Uint8Array)) return scalar;
  if (type.kind === 'fixed' && scalar.length !== type.sizeBytes) {
    throw badValue(field, `it does not have ${String(type.sizeBytes)} bytes`);
  }
  return Buffer.from(scalar);
}

function scalarOf(
  type: AvroPrimitive | AvroFixed,
  value: RowValue | undefined,
  field: string,
): Scalar {
  const column = present(columnType(type, field), 'the column of a scalar');
  let scalar: Scalar | null;
  try {
    scalar = toScalar(value, column.type);
  } catch (error) {
    throw badValue(field, messageOf(error), error);
  }
  if (scalar === null) throw badValue(field, 'it is null, which the field cannot be');
  return scalar;
}

function floorToMillis(micros: bigint): bigint {
  const millis = micros / 1000n;
  return micros % 1000n < 0n ? millis - 1n : millis;
}

/** Two's complement, the highest byte first; as short as can be, or of `sizeBytes`. */
function decimalBytes(unscaled: Scalar, sizeBytes: number | null): Buffer {
  assert(typeof unscaled === 'bigint', 'a decimal is held as a bigint');
  // A bit more than the absolute value has, for the sign.
  const magnitude = unscaled < 0n ? ~unscaled : unscaled;
  const size = sizeBytes ?? Math.floor((magnitude.toString(2).length + 8) / 8);
  const hex = BigInt.asUintN(size * 8, unscaled).toString(16);
  return Buffer.from(hex.padStart(size * 2, '0'), 'hex');
}

function isArray(value: RowValue | undefined): value is readonly RowValue[] {
  return Array.isArray(value);
}

function isRow(value: RowValue | undefined): value is Row {
  if (typeof value !== 'object' || value === null || isArray(value)) return false;
  return !(value instanceof Map || value instanceof Date || value instanceof Uint8Array);
}
