/** Thrift's compact protocol, writing only; its layout stands in `thrift.ts`. */

const TYPES = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  binary: 8,
  list: 9,
  struct: 12,
} as const;

export class ThriftWriter {
  #bytes = Buffer.alloc(1024);
  #length = 0;
  #lastId = 0;

  /** What was written: a view, not a copy. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Writes a struct that stands alone or is an element of a list; fields must come in the order of their ids. */
  struct(writeFields: () => void): void {
    const outerId = this.#lastId;
    this.#lastId = 0;
    writeFields();
    this.#byte(0);
    this.#lastId = outerId;
  }

  boolean(id: number, value: boolean): void {
    this.#field(id, value ? TYPES.true : TYPES.false);
  }

  byte(id: number, value: number): void {
    this.#field(id, TYPES.byte);
    this.#byte(value);
  }

  /** `value` is a safe integer. */
  integer(id: number, type: 'i16' | 'i32' | 'i64', value: number): void {
    this.#field(id, TYPES[type]);
    this.element(value);
  }

  text(id: number, value: string): void {
    this.binary(id, Buffer.from(value));
  }

  binary(id: number, value: Uint8Array): void {
    this.#field(id, TYPES.binary);
    this.#span(value);
  }

  nested(id: number, writeFields: () => void): void {
    this.#field(id, TYPES.struct);
    this.struct(writeFields);
  }

  list<T>(
    id: number,
    type: 'i32' | 'binary' | 'struct',
    items: readonly T[],
    writeItem: (item: T) => void,
  ): void {
    this.#field(id, TYPES.list);
    if (items.length < 15) this.#byte((items.length << 4) | TYPES[type]);
    else {
      this.#byte(0xf0 | TYPES[type]);
      this.#varint(items.length);
    }
    for (const item of items) writeItem(item);
  }

  /** An integer of a list. */
  element(value: number): void {
    this.#varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** A text of a list. */
  textElement(value: string): void {
    this.#span(Buffer.from(value));
  }

  #span(bytes: Uint8Array): void {
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #field(id: number, type: number): void {
    const delta = id - this.#lastId;
    if (delta > 0 && delta < 16) this.#byte((delta << 4) | type);
    else {
      this.#byte(type);
      this.element(id);
    }
    this.#lastId = id;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
