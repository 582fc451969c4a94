/**
 * Reads the bytes of messages. Avro 1.12, "Binary Encoding". No byte is trusted: every length is held against the bytes that
 * are there, so that no message can make the reader run on, or wait, or take memory out of proportion to its size.
 */

import { copyWords, Memory } from './memory.ts';
import type { AvroFault } from './types.ts';

/** How a message's fault comes out of the depth of its decoder; `append` turns it into its answer. */
export class FaultSignal extends Error {
  readonly fault: AvroFault;

  constructor(fault: AvroFault) {
    super(fault.reason);
    this.fault = fault;
  }
}

/** Items that take no bytes, such as nulls, in all arrays and maps of one message. */
const EMPTY_ITEMS_MAX = 65_536;

/** Up to so many bytes, words are copied faster than native code is called. */
const COPIED_BY_WORD_MAX = 256;

const TWO_32 = 2 ** 32;
const INDEX_MAX = 2 ** 31 - 1;

export class ByteReader {
  /** Messages follow each other in the same memory: it is looked at anew only where it is another. */
  memory = new Memory(new ArrayBuffer(0));
  /** The next byte, counted from the start of the memory, as all places are. */
  at = 0;
  /** Behind the last byte. */
  end = 0;
  /** The two halves of the number that was read last. */
  low = 0;
  high = 0;
  /** The bytes that were opened last, which begin at `#offset` of their memory. */
  #opened: Uint8Array = this.memory.bytes;
  #openedMemory = this.memory;
  #offset = 0;
  #start = 0;
  #emptyItems = 0;
  #message = { memory: this.memory, at: 0, end: 0, start: 0 };

  /** Begins a message: bytes `start` (inclusive) to `end` (exclusive). */
  open(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#opened) this.#openOther(bytes);
    // A message that broke off within a default has left another one here.
    this.memory = this.#openedMemory;
    this.at = this.#offset + start;
    this.end = this.#offset + end;
    this.#start = this.at;
    this.#emptyItems = 0;
  }

  /** `buffer` of a typed array is a call of native code. */
  #openOther(bytes: Uint8Array): void {
    const { buffer, byteOffset } = bytes;
    if (buffer !== this.#openedMemory.bytes.buffer) this.#openedMemory = new Memory(buffer);
    this.#opened = bytes;
    this.#offset = byteOffset;
  }

  /** Leaves the message, until `resume`, for the bytes of a default. */
  divert(memory: Memory): void {
    this.#message = { memory: this.memory, at: this.at, end: this.end, start: this.#start };
    this.memory = memory;
    this.at = 0;
    this.end = memory.bytes.length;
  }

  resume(): void {
    ({ memory: this.memory, at: this.at, end: this.end, start: this.#start } = this.#message);
  }

  /** `reason` goes on with where in the message that is. */
  fail(code: string, reason: string): never {
    const place = `at byte ${String(this.at - this.#start)} of the message`;
    throw new FaultSignal({ code, reason: `${reason} ${place}` });
  }

  /** A number of 64 bits, into `low` and `high`: zig-zag, seven bits a byte, the lowest first. */
  long(): void {
    const { bytes } = this.memory;
    let { at } = this;
    // Four bytes are 28 bits; most numbers are shorter still.
    const limit = Math.min(this.end, at + 4);
    let value = 0;
    let shift = 0;
    while (at < limit) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        const number = (value >>> 1) ^ -(value & 1);
        this.low = number;
        this.high = number >> 31;
        return;
      }
      shift += 7;
    }
    this.#longTail(value, at);
  }

  /** The bytes from the fifth on; `value` holds the bits of those before. */
  #longTail(value: number, from: number): void {
    const { bytes } = this.memory;
    let at = from;
    let low = value;
    let high = 0;
    for (let index = 4; ; index += 1) {
      if (at >= this.end) this.fail('AVRO_TRUNCATED', 'the bytes end within a number');
      const byte = bytes[at] ?? 0;
      at += 1;
      const bits = byte & 0x7f;
      if (index === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (index * 7 - 32);
      if (index === 9 && byte > 1) this.fail('AVRO_BAD_NUMBER', 'a number has more than 64 bits');
      if (byte < 0x80) break;
    }
    const sign = -(low & 1);
    this.at = at;
    this.low = ((low >>> 1) | (high << 31)) ^ sign;
    this.high = (high >>> 1) ^ sign;
  }

  /** A number of 32 bits. */
  int(): number {
    this.long();
    if (this.high !== this.low >> 31) this.fail('AVRO_BAD_NUMBER', 'an int has more than 32 bits');
    return this.low;
  }

  /** The number that was read last, rounded to a double. */
  lastAsDouble(): number {
    return this.high * TWO_32 + (this.low >>> 0);
  }

  /** How many bytes follow: never more than there are. */
  length(): number {
    const byte = this.#singleByte();
    return this.require(byte >= 0 ? byte >>> 1 : this.#longLength());
  }

  #longLength(): number {
    this.long();
    if (this.high < 0) this.fail('AVRO_BAD_LENGTH', 'a length is negative');
    // An integer of 32 bits: after a single double, all places are reckoned with as doubles.
    return this.high === 0 && this.low >= 0 ? this.low : this.#truncated(this.lastAsDouble());
  }

  /** The next byte, which is passed, where it is a positive number of its own, doubled; else -1. */
  #singleByte(): number {
    const { at } = this;
    const byte = at < this.end ? (this.memory.bytes[at] ?? 0) : -1;
    if (byte > 0x7f || (byte & 1) === 1) return -1;
    this.at = at + 1;
    return byte;
  }

  /** `size`, where so many bytes are still there. */
  require(size: number): number {
    return size <= this.end - this.at ? size : this.#truncated(size);
  }

  #truncated(size: number): never {
    return this.fail('AVRO_TRUNCATED', `${String(size)} bytes are said to follow, and do not,`);
  }

  /** Copies the next `size` bytes, which are there, to the place `to`; true where all are known to be ASCII. */
  copy(size: number, target: Memory, to: number): boolean {
    const { at } = this;
    this.at = at + size;
    if (size > COPIED_BY_WORD_MAX) {
      target.bytes.set(this.memory.bytes.subarray(at, at + size), to);
      return false;
    }
    return copyWords(this.memory, at, target, to, size);
  }

  boolean(): number {
    this.require(1);
    const byte = this.memory.bytes[this.at] ?? 0;
    if (byte > 1) this.fail('AVRO_BAD_BOOLEAN', 'a boolean is neither 0 nor 1');
    this.at += 1;
    return byte;
  }

  /** Four bytes as they are, the lowest first. */
  word(): number {
    const { at } = this;
    this.require(4);
    this.at = at + 4;
    return this.memory.view.getInt32(at, true);
  }

  /** Which branch of a union of `count` follows. */
  branch(count: number): number {
    const index = this.#index();
    if (index < count) return index;
    return this.fail('AVRO_BAD_UNION', `a union of ${String(count)} types has no such branch`);
  }

  /** Which symbol of an enum of `count` follows. */
  symbol(count: number): number {
    const index = this.#index();
    if (index < count) return index;
    return this.fail('AVRO_BAD_ENUM', `an enum of ${String(count)} symbols has no such symbol`);
  }

  /** A number that is not negative; `INDEX_MAX` where it is, and for greater ones. */
  #index(): number {
    const byte = this.#singleByte();
    if (byte >= 0) return byte >>> 1;
    this.long();
    return this.high === 0 && this.low >= 0 ? this.low : INDEX_MAX;
  }

  /** How many items the next block of an array or map has, 0 at its end; an item takes `itemBytesMin` at least. */
  block(itemBytesMin: number): number {
    if (this.at < this.end && this.memory.bytes[this.at] === 0) {
      this.at += 1;
      return 0;
    }
    this.long();
    if (this.high < 0) {
      const count = -this.lastAsDouble();
      this.length();
      return this.#items(count, itemBytesMin);
    }
    return this.#items(this.lastAsDouble(), itemBytesMin);
  }

  /** As `block`; where the block says its size, it is passed over at once, and so is the next one, if there is. */
  blockToSkip(itemBytesMin: number): number {
    for (;;) {
      this.long();
      if (this.high >= 0) return this.#items(this.lastAsDouble(), itemBytesMin);
      this.skip(this.length());
    }
  }

  #items(count: number, itemBytesMin: number): number {
    if (itemBytesMin > 0) {
      if (count * itemBytesMin <= this.end - this.at) return count;
      this.fail('AVRO_BAD_LENGTH', 'a block has more items than there are bytes');
    }
    this.#emptyItems += count;
    if (this.#emptyItems <= EMPTY_ITEMS_MAX) return count;
    return this.fail('AVRO_TOO_LARGE', 'there are too many items that take no bytes');
  }

  skip(size: number): void {
    this.at += this.require(size);
  }

  skipText(): void {
    // In two steps: reading the length moves `at` as well.
    const size = this.length();
    this.at += size;
  }
}
