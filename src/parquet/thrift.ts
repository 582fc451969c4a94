/**
 * Thrift's compact protocol, reading only, as far as Parquet's footers and page headers use it. Every read is checked
 * against the end of the bytes, the declared type and a depth, so that hostile input ends in an error of the caller's.
 *
 * Layout: a struct is fields up to a zero byte; a field is `dddd tttt` (id delta, type; delta 0: the id follows as a
 * zigzag varint) and its value; a list is `ssss tttt` (size, element type; size 15: it follows as a varint).
 */

import type { Corrupt } from './errors.ts';

/** The type nibble of a field. Booleans are their own value: 1 is true, 2 is false. */
export type FieldType = number;

const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I16 = 4;
const I64 = 6;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const SET = 10;
const MAP = 11;
const STRUCT = 12;
const UUID = 13;

const DEPTH_MAX = 64;
const ID_MAX = 0x7fff;

/** Reads the value of one field: by the method of its type, or by `skip`. */
export type FieldVisitor = (id: number, type: FieldType) => void;

export class ThriftReader {
  readonly #bytes: Buffer;
  readonly #corrupt: Corrupt;
  #offset = 0;
  #depth = 0;

  /** `corrupt` makes the errors. */
  constructor(bytes: Uint8Array, corrupt: Corrupt) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#corrupt = corrupt;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Reads a struct: `visit` is called once for each field, and must consume it. */
  struct(visit: FieldVisitor): void {
    this.#enter();
    let id = 0;
    for (;;) {
      const header = this.#byte();
      if (header === 0) break;
      const delta = header >> 4;
      id = delta === 0 ? unzigzag(this.#varint()) : id + delta;
      if (id > ID_MAX) throw this.#corrupt('a field id is out of bounds');
      visit(id, header & 0x0f);
    }
    this.#depth -= 1;
  }

  /** A struct that is the value of a field or an element. */
  nested(type: FieldType, visit: FieldVisitor): void {
    this.#expect(type === STRUCT);
    this.struct(visit);
  }

  boolean(type: FieldType): boolean {
    this.#expect(type === TRUE || type === FALSE);
    return type === TRUE;
  }

  /** An integer of any width; one that a double does not hold exactly is corrupt: no offset or count is so large. */
  integer(type: FieldType): number {
    this.#expect(type >= BYTE && type <= I64);
    if (type === BYTE) return (this.#byte() << 24) >> 24;
    return unzigzag(this.#varint());
  }

  /** An integer, or a boolean as 0 or 1; null for anything else, which is skipped. */
  number(type: FieldType): number | null {
    if (type === TRUE || type === FALSE) return type === TRUE ? 1 : 0;
    if (type >= BYTE && type <= I64) return this.integer(type);
    this.skip(type);
    return null;
  }

  /** A view of the bytes, not a copy. */
  binary(type: FieldType): Uint8Array {
    this.#expect(type === BINARY);
    const start = this.#span();
    return this.#bytes.subarray(start, this.#offset);
  }

  text(type: FieldType): string {
    this.#expect(type === BINARY);
    const start = this.#span();
    return this.#bytes.toString('utf8', start, this.#offset);
  }

  /** Calls `visit` once for each element, with the element's type. */
  list(type: FieldType, visit: (elementType: FieldType) => void): void {
    this.#expect(type === LIST || type === SET);
    this.#enter();
    const header = this.#byte();
    const short = header >> 4;
    const size = short === 15 ? this.#varint() : short;
    // Every element takes a byte at least, so a larger size cannot be true.
    if (size > this.#bytes.length - this.#offset) throw this.#corrupt('a list overruns its bytes');
    for (let index = 0; index < size; index += 1) visit(header & 0x0f);
    this.#depth -= 1;
  }

  skip(type: FieldType): void {
    if (type === TRUE || type === FALSE) return;
    if (type === BYTE) this.#advance(1);
    else if (type >= I16 && type <= I64) this.#varint(false);
    else if (type === DOUBLE) this.#advance(8);
    else if (type === BINARY) this.#span();
    else if (type === LIST || type === SET) this.list(type, this.#skipElement);
    else if (type === STRUCT) this.struct((_id, fieldType) => this.skip(fieldType));
    else if (type === MAP) this.#skipMap();
    else if (type === UUID) this.#advance(16);
    else throw this.#corrupt('a field has an unknown type');
  }

  readonly #skipElement = (type: FieldType): void => {
    // In a list a boolean is a byte; only as a field it is its own type.
    if (type === TRUE || type === FALSE) this.#advance(1);
    else this.skip(type);
  };

  #skipMap(): void {
    const size = this.#varint();
    if (size === 0) return;
    const types = this.#byte();
    if (size > this.#bytes.length - this.#offset) throw this.#corrupt('a map overruns its bytes');
    this.#enter();
    for (let index = 0; index < size; index += 1) {
      this.#skipElement(types >> 4);
      this.#skipElement(types & 0x0f);
    }
    this.#depth -= 1;
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw this.#corrupt('it nests too deep');
  }

  #expect(right: boolean): void {
    if (!right) throw this.#corrupt('a field has the wrong type');
  }

  /** Moves past a length and as many bytes; returns where they start. */
  #span(): number {
    const length = this.#varint();
    const start = this.#offset;
    this.#advance(length);
    return start;
  }

  #advance(length: number): void {
    if (length > this.#bytes.length - this.#offset) throw this.#corrupt('it ends too early');
    this.#offset += length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw this.#corrupt('it ends too early');
    this.#offset += 1;
    return byte;
  }

  #varint(exact = true): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length += 1) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (exact && value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw this.#corrupt('an integer is out of bounds');
  }
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
