/** Columns of Arrow data, built value by value and checked as they come. */

import type { Data, DataType as ArrowType } from 'apache-arrow';

import { messageOf, present, unreachable } from '../base/index.ts';
import {
  type ArrayType,
  type DataType,
  type MapType,
  type PrimitiveName,
  type RowValue,
  type Scalar,
  type StructType,
  toScalar,
} from '../schema/index.ts';
import { type ArrowModule, writtenFields } from './arrow-schema.ts';
import {
  BitBuffer,
  BytesBuffer,
  LongBuffer,
  NumberBuffer,
  type ScalarBuffer,
} from './column-buffer.ts';
import { badRow, badValue } from './errors.ts';

/** Where values come from, for messages; the caller moves it. */
export interface RowCursor {
  rowIndex: number;
}

export interface ColumnSpec {
  readonly arrow: ArrowModule;
  readonly cursor: RowCursor;
  /** Dotted, for messages. */
  readonly column: string;
  readonly type: DataType;
  /** The counterpart of `type`, with the same children. */
  readonly arrowType: ArrowType;
  readonly nullable: boolean;
}

/** Takes the values of one column in the order of the rows. */
export interface ColumnBuilder {
  /** Errors: `INPUT_BAD_VALUE`. */
  append(value: RowValue | undefined): void;
  /** Fills a place that is never read, because what holds it is null. */
  appendNothing(): void;
  finish(): Data;
}

export function columnBuilder(spec: ColumnSpec): ColumnBuilder {
  const { type } = spec;
  switch (type.kind) {
    case 'primitive':
      return new ScalarBuilder(spec, primitiveBuffer(type.name));
    case 'decimal':
      return new ScalarBuilder(spec, new LongBuffer(2));
    case 'struct':
      return new StructBuilder(spec, type);
    case 'array':
      return new ListBuilder(spec, type);
    case 'map':
      return new MapBuilder(spec, type);
    default:
      return unreachable(type);
  }
}

function primitiveBuffer(name: PrimitiveName): ScalarBuffer {
  switch (name) {
    case 'string':
    case 'binary':
    case 'variant':
      return new BytesBuffer();
    case 'boolean':
    case 'void':
      return new BitBuffer();
    case 'byte':
      return new NumberBuffer((length) => new Int8Array(length));
    case 'short':
      return new NumberBuffer((length) => new Int16Array(length));
    case 'integer':
    case 'date':
      return new NumberBuffer((length) => new Int32Array(length));
    case 'float':
      return new NumberBuffer((length) => new Float32Array(length));
    case 'double':
      return new NumberBuffer((length) => new Float64Array(length));
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return new LongBuffer(1);
    default:
      return unreachable(name);
  }
}

/** Which places of a column hold a value: what all builders share. */
class Presence {
  readonly spec: ColumnSpec;
  readonly #bits = new BitBuffer();
  #nullCount = 0;

  constructor(spec: ColumnSpec) {
    this.spec = spec;
  }

  /** Errors: `INPUT_BAD_VALUE` where nothing may be missing. */
  append(isPresent: boolean): void {
    if (!isPresent && !this.spec.nullable) throw this.bad('it is null, and the column is NOT NULL');
    this.appendUnchecked(isPresent);
  }

  appendUnchecked(isPresent: boolean): void {
    this.#bits.append(isPresent);
    if (!isPresent) this.#nullCount += 1;
  }

  bad(why: string, cause?: unknown): Error {
    const { cursor, column } = this.spec;
    return badValue({ rowIndex: cursor.rowIndex, column }, why, cause);
  }

  data(
    content: { readonly data?: ArrayBufferView; readonly offsets?: Int32Array },
    children: Data[] = [],
  ): Data {
    const { arrow, arrowType } = this.spec;
    // By `BufferType`: offsets, data, validity.
    const buffers = {
      ...(content.offsets === undefined ? {} : { 0: content.offsets }),
      ...(content.data === undefined ? {} : { 1: content.data }),
      ...(this.#nullCount === 0 ? {} : { 2: this.#bits.finish().data }),
    };
    return new arrow.Data(arrowType, 0, this.#bits.length, this.#nullCount, buffers, children);
  }
}

class ScalarBuilder implements ColumnBuilder {
  readonly #presence: Presence;
  readonly #buffer: ScalarBuffer;

  constructor(spec: ColumnSpec, buffer: ScalarBuffer) {
    this.#presence = new Presence(spec);
    this.#buffer = buffer;
  }

  append(value: RowValue | undefined): void {
    const scalar = this.#toScalar(value);
    this.#presence.append(scalar !== null);
    if (scalar === null) this.#buffer.appendNothing();
    else this.#buffer.append(scalar);
  }

  appendNothing(): void {
    this.#presence.appendUnchecked(false);
    this.#buffer.appendNothing();
  }

  finish(): Data {
    return this.#presence.data(this.#buffer.finish());
  }

  #toScalar(value: RowValue | undefined): Scalar | null {
    let scalar: Scalar | null;
    try {
      scalar = toScalar(value, this.#presence.spec.type);
    } catch (error) {
      throw this.#presence.bad(messageOf(error), error);
    }
    if (
      scalar !== null &&
      this.#buffer instanceof BytesBuffer &&
      !this.#buffer.hasRoomFor(scalar)
    ) {
      throw this.#presence.bad('the rows so far fill a column of 2 GiB; hand in fewer at a time');
    }
    return scalar;
  }
}

/** The members of a row or a struct. Also of rows themselves: those are structs that are never null. */
export class MemberBuilders {
  readonly #spec: ColumnSpec;
  readonly #builders: ReadonlyMap<string, ColumnBuilder>;
  readonly #ignored: ReadonlySet<string>;
  readonly #prefix: string;

  constructor(
    spec: ColumnSpec,
    struct: StructType,
    options: { readonly prefix: string; readonly ignored: ReadonlySet<string> },
  ) {
    this.#spec = spec;
    this.#ignored = options.ignored;
    this.#prefix = options.prefix;
    const builders = new Map<string, ColumnBuilder>();
    for (const [index, { name, type, nullable }] of writtenFields(struct).entries()) {
      const arrowType = childType(spec.arrowType, index);
      const column = options.prefix + name;
      builders.set(name, columnBuilder({ ...spec, column, type, arrowType, nullable }));
    }
    this.#builders = builders;
  }

  append(members: { readonly [name: string]: RowValue | undefined }): void {
    for (const name of Object.keys(members)) {
      if (!this.#builders.has(name) && !this.#ignored.has(name)) this.#refuse(name, members[name]);
    }
    for (const [name, builder] of this.#builders) {
      builder.append(Object.hasOwn(members, name) ? members[name] : undefined);
    }
  }

  appendNothing(): void {
    for (const builder of this.#builders.values()) builder.appendNothing();
  }

  finish(): Data[] {
    return Array.from(this.#builders.values(), (builder) => builder.finish());
  }

  #refuse(name: string, value: RowValue | undefined): void {
    if (value === undefined || value === null) return;
    const { cursor } = this.#spec;
    const why =
      'there is no such column; leave the value out, or add the column to the table first';
    throw badValue({ rowIndex: cursor.rowIndex, column: this.#prefix + name }, why);
  }
}

/** What callers hand in as a row need not be one. Errors: `INPUT_BAD_VALUE` (invalid), with `rowIndex`. */
export function checkRow(row: RowValue | undefined, rowIndex: number): void {
  if (row === undefined || !isRecord(row)) throw badRow(rowIndex);
}

class StructBuilder implements ColumnBuilder {
  readonly #presence: Presence;
  readonly #members: MemberBuilders;

  constructor(spec: ColumnSpec, struct: StructType) {
    this.#presence = new Presence(spec);
    const options = { prefix: `${spec.column}.`, ignored: new Set<string>() };
    this.#members = new MemberBuilders(spec, struct, options);
  }

  append(value: RowValue | undefined): void {
    if (value === null || value === undefined) {
      this.#presence.append(false);
      this.#members.appendNothing();
    } else if (isRecord(value)) {
      this.#presence.append(true);
      this.#members.append(value);
    } else throw this.#presence.bad('a struct is an object with its fields as members');
  }

  appendNothing(): void {
    this.#presence.appendUnchecked(false);
    this.#members.appendNothing();
  }

  finish(): Data {
    return this.#presence.data({}, this.#members.finish());
  }
}

class ListBuilder implements ColumnBuilder {
  readonly #presence: Presence;
  readonly #element: ColumnBuilder;
  readonly #ends = new Ends();

  constructor(spec: ColumnSpec, type: ArrayType) {
    this.#presence = new Presence(spec);
    this.#element = columnBuilder({
      ...spec,
      column: `${spec.column}.element`,
      type: type.element,
      arrowType: childType(spec.arrowType, 0),
      nullable: type.containsNull,
    });
  }

  append(value: RowValue | undefined): void {
    if (value === null || value === undefined) {
      this.#presence.append(false);
      this.#ends.append(0);
    } else if (isArray(value)) {
      this.#presence.append(true);
      for (const element of value) this.#element.append(element);
      this.#ends.append(value.length);
    } else throw this.#presence.bad('an array column takes an array');
  }

  appendNothing(): void {
    this.#presence.appendUnchecked(false);
    this.#ends.append(0);
  }

  finish(): Data {
    return this.#presence.data({ offsets: this.#ends.offsets() }, [this.#element.finish()]);
  }
}

class MapBuilder implements ColumnBuilder {
  readonly #presence: Presence;
  readonly #entries: Presence;
  readonly #key: ColumnBuilder;
  readonly #value: ColumnBuilder;
  readonly #ends = new Ends();

  constructor(spec: ColumnSpec, type: MapType) {
    this.#presence = new Presence(spec);
    const entriesType = childType(spec.arrowType, 0);
    this.#entries = new Presence({ ...spec, arrowType: entriesType, nullable: false });
    const [keyType, valueType] = [childType(entriesType, 0), childType(entriesType, 1)];
    const column = `${spec.column}.key`;
    const key = { ...spec, column, type: type.key, arrowType: keyType, nullable: false };
    this.#key = columnBuilder(key);
    this.#value = columnBuilder({
      ...spec,
      column: `${spec.column}.value`,
      type: type.value,
      arrowType: valueType,
      nullable: type.valueContainsNull,
    });
  }

  append(value: RowValue | undefined): void {
    if (value === null || value === undefined) {
      this.#presence.append(false);
      this.#ends.append(0);
      return;
    }
    const pairs = value instanceof Map ? [...value] : value;
    if (!isArray(pairs)) throw this.#presence.bad('a map column takes a Map or an array of pairs');
    this.#presence.append(true);
    for (const pair of pairs) this.#appendPair(pair);
    this.#ends.append(pairs.length);
  }

  appendNothing(): void {
    this.#presence.appendUnchecked(false);
    this.#ends.append(0);
  }

  finish(): Data {
    const entries = this.#entries.data({}, [this.#key.finish(), this.#value.finish()]);
    return this.#presence.data({ offsets: this.#ends.offsets() }, [entries]);
  }

  #appendPair(pair: RowValue): void {
    if (!isArray(pair) || pair.length !== 2) {
      throw this.#presence.bad('an entry of a map is a pair of key and value');
    }
    this.#entries.append(true);
    this.#key.append(pair[0]);
    this.#value.append(pair[1]);
  }
}

/** Where each list ends among the values of all. */
class Ends {
  readonly #offsets = new NumberBuffer((length) => new Int32Array(length));
  #end = 0;

  constructor() {
    this.#offsets.append(0);
  }

  append(length: number): void {
    this.#end += length;
    this.#offsets.append(this.#end);
  }

  offsets(): Int32Array {
    return Int32Array.from(this.#offsets.finish().data);
  }
}

function childType(type: ArrowType, index: number): ArrowType {
  return present(type.children[index]?.type, 'the Arrow type of a nested column');
}

function isArray(value: RowValue): value is readonly RowValue[] {
  return Array.isArray(value);
}

function isRecord(value: RowValue): value is { readonly [field: string]: RowValue | undefined } {
  if (typeof value !== 'object' || value === null || isArray(value)) return false;
  return !(value instanceof Map || value instanceof Date || value instanceof Uint8Array);
}
