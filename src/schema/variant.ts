/**
 * Variants: values that carry their own types, in the encoding that Parquet defines ("Variant Binary Encoding"), little
 * endian throughout. PROTOCOL.md, "Variant Data Type".
 *
 *     metadata: u8 header (version 1, offset size − 1 in the two highest bits) | count | (count + 1) offsets | names
 *     value:    u8 header (kind in the two lowest bits) | …
 *     object:   count (1 or 4 bytes) | ids of names | (count + 1) offsets | values
 *     array:    count (1 or 4 bytes) | (count + 1) offsets | values
 */

import { variantCorrupt } from './errors.ts';

/** One value; those of one byte string share its memory. */
export type VariantNode =
  /** Neither object nor array: the bytes as they are, header included. */
  | { readonly kind: 'scalar'; readonly bytes: Uint8Array }
  | { readonly kind: 'array'; readonly items: readonly VariantNode[] }
  | { readonly kind: 'object'; readonly fields: readonly VariantField[] };

export interface VariantField {
  readonly name: string;
  readonly value: VariantNode;
}

export interface VariantBytes {
  readonly metadata: Uint8Array;
  readonly value: Uint8Array;
}

/** Objects and arrays in one another; deeper ones are refused. */
const DEPTH_MAX = 500;
const VERSION = 1;

/**
 * The value that the bytes hold. Errors: `VARIANT_CORRUPT` (data), also where values overlap, of which a few bytes can
 * make any number.
 */
export function readVariant({ metadata, value }: VariantBytes): VariantNode {
  return new VariantReader(readNames(metadata), value).read();
}

/** The bytes of a value, with the names in the order in which they first come. */
export function encodeVariant(node: VariantNode): VariantBytes {
  const ids = new Map<string, number>();
  const value = encodeNode(node, ids);
  const names = [...ids.keys()].map((name) => Buffer.from(name, 'utf8'));
  const textBytes = names.reduce((sum, name) => sum + name.length, 0);
  const size = byteCountOf(Math.max(textBytes, names.length));
  const offsets = runningSums(names.map((name) => name.length));
  const header = VERSION | ((size - 1) << 6);
  const metadata = Buffer.concat([
    Uint8Array.of(header),
    numbers([names.length, ...offsets], size),
    ...names,
  ]);
  return { metadata, value };
}

function readNames(metadata: Uint8Array): readonly string[] {
  const bytes = new Bytes(metadata);
  const header = bytes.number(0, 1);
  if ((header & 0x0f) !== VERSION) throw variantCorrupt('its metadata has an unknown version');
  const size = (header >> 6) + 1;
  const count = bytes.number(1, size);
  bytes.check(1 + size * (count + 2));
  const first = 1 + size * (count + 2);
  const offset = (index: number): number => first + bytes.number(1 + size * (index + 1), size);
  return Array.from({ length: count }, (_, index) => bytes.text(offset(index), offset(index + 1)));
}

class VariantReader {
  readonly #names: readonly string[];
  readonly #bytes: Bytes;
  /** Each value takes a byte at least: where there are more, they overlap. */
  #left: number;

  constructor(names: readonly string[], value: Uint8Array) {
    this.#names = names;
    this.#bytes = new Bytes(value);
    this.#left = value.length;
  }

  read(): VariantNode {
    return this.#node(0, 0);
  }

  #node(at: number, depth: number): VariantNode {
    if (this.#left <= 0) throw variantCorrupt('its values overlap');
    this.#left -= 1;
    if (depth > DEPTH_MAX) throw variantCorrupt('it is nested too deep');
    const header = this.#bytes.number(at, 1);
    const kind = header & 3;
    if (kind === 2) return this.#object(at, header >> 2, depth);
    if (kind === 3) return this.#array(at, header >> 2, depth);
    const end = at + scalarSize(this.#bytes, at);
    return { kind: 'scalar', bytes: this.#bytes.slice(at, end) };
  }

  #object(at: number, flags: number, depth: number): VariantNode {
    const [offsetSize, idSize, countSize] = [(flags & 3) + 1, ((flags >> 2) & 3) + 1, flags & 16];
    const { count, start } = this.#count(at, countSize !== 0);
    const offsets = start + count * idSize;
    const values = offsets + (count + 1) * offsetSize;
    this.#bytes.check(values);
    const fields = Array.from({ length: count }, (_, index) => {
      const name = this.#names[this.#bytes.number(start + index * idSize, idSize)];
      if (name === undefined) throw variantCorrupt('a field has a name that is not there');
      const place = values + this.#bytes.number(offsets + index * offsetSize, offsetSize);
      return { name, value: this.#node(place, depth + 1) };
    });
    return { kind: 'object', fields };
  }

  #array(at: number, flags: number, depth: number): VariantNode {
    const offsetSize = (flags & 3) + 1;
    const { count, start } = this.#count(at, (flags & 4) !== 0);
    const values = start + (count + 1) * offsetSize;
    this.#bytes.check(values);
    const items = Array.from({ length: count }, (_, index) => {
      const place = values + this.#bytes.number(start + index * offsetSize, offsetSize);
      return this.#node(place, depth + 1);
    });
    return { kind: 'array', items };
  }

  #count(at: number, isLarge: boolean): { readonly count: number; readonly start: number } {
    const size = isLarge ? 4 : 1;
    return { count: this.#bytes.number(at + 1, size), start: at + 1 + size };
  }
}

/** Bytes after the header, by the type in it, of types whose values are all of one size. */
const SCALAR_BYTES: readonly number[] = [
  0, 0, 0, 1, 2, 4, 8, 8, 5, 9, 17, 4, 8, 8, 4, -1, -1, 8, 8, 8, 16,
];

/** Of the header too. */
function scalarSize(bytes: Bytes, at: number): number {
  const header = bytes.number(at, 1);
  const type = header >> 2;
  if ((header & 3) === 1) return 1 + type;
  const size = SCALAR_BYTES[type];
  if (size === undefined) throw variantCorrupt(`it has a value of the unknown type ${type}`);
  return size === -1 ? 5 + bytes.number(at + 1, 4) : 1 + size;
}

function encodeNode(node: VariantNode, ids: Map<string, number>): Buffer {
  if (node.kind === 'scalar') return Buffer.from(node.bytes);
  if (node.kind === 'array') {
    return encodeArray(node.items.map((item) => encodeNode(item, ids)));
  }
  const fields = node.fields.map(({ name, value }) => {
    const id = ids.get(name) ?? ids.size;
    ids.set(name, id);
    return { key: Buffer.from(name, 'utf8'), id, bytes: encodeNode(value, ids) };
  });
  return encodeObject(fields);
}

interface EncodedField {
  readonly key: Buffer;
  readonly id: number;
  readonly bytes: Buffer;
}

/** Values stay in the order given; names and offsets are in the order of the names. */
function encodeObject(fields: readonly EncodedField[]): Buffer {
  const starts = runningSums(fields.map(({ bytes }) => bytes.length));
  const total = starts.at(-1) ?? 0;
  const sorted = fields
    .map((field, index) => ({ ...field, start: starts[index] ?? 0 }))
    .sort((left, right) => Buffer.compare(left.key, right.key));
  const idSize = byteCountOf(Math.max(0, ...fields.map(({ id }) => id)));
  const offsetSize = byteCountOf(total);
  const isLarge = fields.length > 255;
  const header = 2 | ((offsetSize - 1) << 2) | ((idSize - 1) << 4) | (isLarge ? 64 : 0);
  return Buffer.concat([
    Uint8Array.of(header),
    numbers([fields.length], isLarge ? 4 : 1),
    numbers(
      sorted.map(({ id }) => id),
      idSize,
    ),
    numbers([...sorted.map(({ start }) => start), total], offsetSize),
    ...fields.map(({ bytes }) => bytes),
  ]);
}

function encodeArray(items: readonly Buffer[]): Buffer {
  const offsets = runningSums(items.map(({ length }) => length));
  const offsetSize = byteCountOf(offsets.at(-1) ?? 0);
  const isLarge = items.length > 255;
  return Buffer.concat([
    Uint8Array.of(3 | ((offsetSize - 1) << 2) | (isLarge ? 16 : 0)),
    numbers([items.length], isLarge ? 4 : 1),
    numbers(offsets, offsetSize),
    ...items,
  ]);
}

/** 0, then the sums of the first one, the first two, … */
function runningSums(lengths: readonly number[]): readonly number[] {
  const sums = [0];
  for (const length of lengths) sums.push((sums.at(-1) ?? 0) + length);
  return sums;
}

function byteCountOf(greatest: number): number {
  if (greatest <= 0xff) return 1;
  if (greatest <= 0xff_ff) return 2;
  return greatest <= 0xff_ff_ff ? 3 : 4;
}

function numbers(values: readonly number[], size: number): Buffer {
  const bytes = Buffer.alloc(values.length * size);
  for (const [index, value] of values.entries()) bytes.writeUIntLE(value, index * size, size);
  return bytes;
}

/** Reads within bounds only. */
class Bytes {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  check(end: number): void {
    if (end > this.#bytes.length) throw variantCorrupt('its bytes end too early');
  }

  /** Without a sign, of 1 to 4 bytes. */
  number(at: number, size: number): number {
    this.check(at + size);
    return this.#bytes.readUIntLE(at, size);
  }

  slice(start: number, end: number): Uint8Array {
    if (end < start) throw variantCorrupt('its offsets go back');
    this.check(end);
    return this.#bytes.subarray(start, end);
  }

  text(start: number, end: number): string {
    return Buffer.from(this.slice(start, end)).toString('utf8');
  }
}
