/** How values of a writer's schema become values of a reader's. Avro 1.12, "Schema Resolution". */

import { columnFields } from './to-delta.ts';
import type {
  AvroArray,
  AvroEnum,
  AvroField,
  AvroFixed,
  AvroLogical,
  AvroMap,
  AvroPrimitive,
  AvroRecord,
  AvroSchema,
  AvroUnion,
} from './types.ts';

export type AvroScalar = AvroPrimitive | AvroFixed;

export type Resolution =
  | { readonly kind: 'scalar'; readonly writer: AvroScalar; readonly reader: AvroScalar }
  /** The reader's symbol for each of the writer's; null where it has none. */
  | { readonly kind: 'enum'; readonly symbols: readonly (string | null)[] }
  | { readonly kind: 'array'; readonly writer: AvroArray; readonly item: Resolution }
  | { readonly kind: 'map'; readonly writer: AvroMap; readonly value: Resolution }
  | RecordResolution
  /** A branch of the writer's union each. */
  | { readonly kind: 'branches'; readonly branches: readonly Resolution[] }
  /** The value goes into a branch of the reader's union. */
  | {
      readonly kind: 'member';
      readonly union: AvroUnion;
      readonly index: number;
      readonly value: Resolution;
    }
  | { readonly kind: 'mismatch'; readonly why: string };

export interface RecordResolution {
  readonly kind: 'record';
  /** The writer's fields, in its order. */
  readonly steps: readonly {
    readonly writer: AvroSchema;
    /** Null where the reader has no column for it. */
    readonly into: { readonly column: number; readonly value: Resolution } | null;
  }[];
  /** Columns that the writer does not have. */
  readonly defaults: readonly {
    readonly column: number;
    readonly bytes: Uint8Array;
    readonly value: Resolution;
  }[];
}

/** Columns of a record are counted among those of its fields that have one. */
export function resolve(writer: AvroSchema, reader: AvroSchema): Resolution {
  if (writer.kind === 'union') {
    const branches = writer.branches.map((branch) => resolve(branch, reader));
    const first = branches[0];
    const isLost = branches.every(({ kind }) => kind === 'mismatch');
    return isLost && first !== undefined ? first : { kind: 'branches', branches };
  }
  switch (reader.kind) {
    case 'union':
      return resolveInto(writer, reader);
    case 'record':
      if (writer.kind !== 'record' || !namesMatch(writer, reader)) break;
      return resolveRecord(writer, reader);
    case 'enum':
      if (writer.kind !== 'enum' || !namesMatch(writer, reader)) break;
      return { kind: 'enum', symbols: writer.symbols.map((symbol) => symbolIn(reader, symbol)) };
    case 'array': {
      if (writer.kind !== 'array') break;
      const item = resolve(writer.items, reader.items);
      return item.kind === 'mismatch' ? item : { kind: 'array', writer, item };
    }
    case 'map': {
      if (writer.kind !== 'map') break;
      const value = resolve(writer.values, reader.values);
      return value.kind === 'mismatch' ? value : { kind: 'map', writer, value };
    }
    default:
      if (isScalar(writer) && isReadable(writer, reader)) return { kind: 'scalar', writer, reader };
  }
  return mismatch(`${nameOf(writer)} is not read as ${nameOf(reader)}`);
}

/** The same type wins over one that only can hold the value; of several the first. */
function resolveInto(writer: AvroSchema, union: AvroUnion): Resolution {
  const isSame = (branch: AvroSchema): boolean =>
    branch.kind === writer.kind && (!('name' in branch) || namesMatch(writer, branch));
  const all = [...union.branches.entries()];
  const inTurn = [
    ...all.filter(([, branch]) => isSame(branch)),
    ...all.filter(([, branch]) => !isSame(branch)),
  ];
  for (const [index, branch] of inTurn) {
    const value = resolve(writer, branch);
    if (value.kind !== 'mismatch') return { kind: 'member', union, index, value };
  }
  return mismatch(`${nameOf(writer)} is in no branch of the reader's union`);
}

function resolveRecord(writer: AvroRecord, reader: AvroRecord): Resolution {
  const columns = new Map(columnFields(reader).map((index, column) => [index, column]));
  const steps: RecordResolution['steps'][number][] = [];
  const found = new Set<AvroField>();
  for (const written of writer.fields) {
    const index = reader.fields.findIndex((field) => isFieldFor(field, written, writer, found));
    const field = reader.fields[index];
    const column = columns.get(index);
    if (field === undefined) {
      steps.push({ writer: written.type, into: null });
      continue;
    }
    found.add(field);
    const value = resolve(written.type, field.type);
    if (value.kind === 'mismatch') return mismatch(`${written.name}: ${value.why}`);
    steps.push({ writer: written.type, into: column === undefined ? null : { column, value } });
  }
  const defaults: RecordResolution['defaults'][number][] = [];
  for (const [index, field] of reader.fields.entries()) {
    if (found.has(field)) continue;
    if (field.default === null) {
      return mismatch(`the writer does not have ${field.name}, and the reader no default for it`);
    }
    const column = columns.get(index);
    if (column === undefined) continue;
    const value = resolve(field.type, field.type);
    defaults.push({ column, bytes: field.default.bytes, value });
  }
  return { kind: 'record', steps, defaults };
}

/** By name; by alias only where the writer has no field of the reader's name. */
function isFieldFor(
  field: AvroField,
  written: AvroField,
  writer: AvroRecord,
  found: ReadonlySet<AvroField>,
): boolean {
  if (field.name === written.name) return true;
  if (found.has(field) || !field.aliases.includes(written.name)) return false;
  return !writer.fields.some(({ name }) => name === field.name);
}

function symbolIn(reader: AvroEnum, symbol: string): string | null {
  return reader.symbols.includes(symbol) ? symbol : reader.default;
}

/** By the names without their namespaces, or by an alias of the reader's. */
function namesMatch(writer: AvroSchema, reader: AvroRecord | AvroEnum | AvroFixed): boolean {
  if (!('name' in writer)) return false;
  return (
    simpleName(writer.name) === simpleName(reader.name) || reader.aliases.includes(writer.name)
  );
}

function simpleName(full: string): string {
  return full.slice(full.lastIndexOf('.') + 1);
}

const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

function isReadable(writer: AvroScalar, reader: AvroScalar): boolean {
  if (reader.kind === 'fixed') {
    if (writer.kind !== 'fixed' || !namesMatch(writer, reader)) return false;
    if (writer.sizeBytes !== reader.sizeBytes) return false;
  } else if (
    writer.kind !== reader.kind &&
    PROMOTIONS[writer.kind]?.includes(reader.kind) !== true
  ) {
    return false;
  }
  return writer.logical === null || reader.logical === null
    ? true
    : isSameMeaning(writer.logical, reader.logical);
}

/** Timestamps of both units are the same column; a decimal may gain digits before its point. */
function isSameMeaning(writer: AvroLogical, reader: AvroLogical): boolean {
  if (writer.kind === 'decimal') {
    if (reader.kind !== 'decimal') return false;
    return writer.scale === reader.scale && writer.precision <= reader.precision;
  }
  const isTimestamp = reader.kind.includes('timestamp');
  const family = (kind: string): string => (isTimestamp ? kind.replace(/-m.*$/, '') : kind);
  return family(writer.kind) === family(reader.kind);
}

function isScalar(type: AvroSchema): type is AvroScalar {
  return type.kind === 'fixed' || (!('name' in type) && 'logical' in type);
}

function nameOf(type: AvroSchema): string {
  const text = 'name' in type ? `${type.kind} ${type.name}` : type.kind;
  return 'logical' in type && type.logical !== null ? `${text} (${type.logical.kind})` : text;
}

function mismatch(why: string): Resolution {
  return { kind: 'mismatch', why };
}
