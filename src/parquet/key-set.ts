/**
 * A set of byte strings, compared whole: open addressing over 32-bit hashes, the bytes of all keys one after another. It
 * holds millions of keys without an object for any of them, so that the garbage collector has nothing to walk through.
 */

import { assert } from '../base/index.ts';

const SLOTS_MIN = 1024;
/** Keys that room is made for before they come, which they may never do. */
const KEYS_RESERVED_MAX = 2 ** 20 - 1;
/** At least 32 bits for a key: of what is not in the set, at most one in 32 has a bit that is set. */
const BITS_PER_SLOT = 16;
/** Of the length before a value. */
const LENGTH_BYTES = 4;
const ARENA_BYTES_MIN = 16 * 1024;
/** Where a key ends has 32 bits. */
const ARENA_BYTES_MAX = 2 ** 32 - 1;

export class KeySet {
  /**
   * Of each key, at the place that the lower bits of its hash name or soon after it: the upper bits of the hash, and in the
   * lower ones the key's number plus one; 0 is a free slot. At most half of the slots are taken, so that a search ends
   * after one or two, and a number always fits.
   */
  #slots = new Int32Array(SLOTS_MIN);
  #slotMask = SLOTS_MIN - 1;
  #hashes = new Int32Array(SLOTS_MIN / 2);
  #size = 0;
  /** Where each key ends in the arena; it starts where the one before it ends. */
  #ends = new Uint32Array(SLOTS_MIN / 2);
  #arena: Uint8Array = new Uint8Array(ARENA_BYTES_MIN);
  #arenaView = viewOf(this.#arena);
  /** The lower bits of a hash name a bit here, which is set for those of the keys before `#marked`. */
  #bits = new Int32Array(1);
  #marked = 0;
  /** The bounds of the keys before `#bounded`, by their numbers. */
  #bounded = 0;
  #least = 0;
  #greatest = 0;
  /** The bytes that were asked about last: a page has many keys, and a view costs more than a search. */
  #source = this.#arena;
  #sourceView = this.#arenaView;

  /** Keys in the set. They are numbered from 0, in the order in which they came. */
  get size(): number {
    return this.#size;
  }

  /** Memory that the set holds, in bytes. */
  get byteLength(): number {
    const keys = this.#hashes.byteLength + this.#ends.byteLength + this.#arena.byteLength;
    return this.#slots.byteLength + this.#bits.byteLength + keys;
  }

  /**
   * Puts the bytes `start` (inclusive) to `end` (exclusive) into the set, as a copy; false where it has them already. At
   * most 4 GiB of keys.
   */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    const before = this.#size;
    return this.intern(bytes, start, end) === before;
  }

  /** As `add`, and answers with the number of the key, whether it is new or not. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const view = this.#viewOf(bytes);
    return this.#intern(hashOf(view, start, end), view, start, end);
  }

  /** Puts the keys of another set into this one. */
  addAll(other: KeySet): void {
    this.reserve(this.#size + other.#size);
    for (let number = 0; number < other.#size; number += 1) {
      const hash = other.#hashes[number] ?? 0;
      this.#intern(hash, other.#arenaView, other.#startOf(number), other.#ends[number] ?? 0);
    }
  }

  /** Makes room for `count` keys in all, or for some of them: a set that grows by itself sorts its keys anew each time. */
  reserve(count: number): void {
    const wanted = Math.min(count, KEYS_RESERVED_MAX);
    let slotCount = this.#slots.length;
    while (slotCount / 2 <= wanted) slotCount *= 2;
    if (slotCount > this.#slots.length) this.#growSlots(slotCount);
  }

  /** The number of the key that has the bytes `start` (inclusive) to `end` (exclusive), or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    if (this.#size === 0) return -1;
    const view = this.#viewOf(bytes);
    const place = this.#search(hashOf(view, start, end), view, start, end);
    return ((this.#slots[place] ?? 0) & this.#slotMask) - 1;
  }

  /**
   * Calls `onHit` for each of the first `count` byte strings in `bytes` that is in the set: with its place among them and its
   * number in the set. They stand one after another, each after its length in four bytes (parquet-format, Encodings.md,
   * "Plain"). False where one overruns the end: what comes after it was not looked for.
   *
   * Cheaper than `find` for those that are not in the set: one bit tells that of nearly all, in a table that stays in the
   * processor's cache for longer than the keys do.
   */
  findEach(
    bytes: Uint8Array,
    count: number,
    onHit: (index: number, number: number) => void,
  ): boolean {
    this.#mark();
    const view = viewOf(bytes);
    const bits = this.#bits;
    const mask = bits.length * 32 - 1;
    for (let index = 0, place = 0; index < count; index += 1) {
      const start = place + LENGTH_BYTES;
      const length = start > bytes.length ? -1 : view.getInt32(place, true);
      if (length < 0 || length > bytes.length - start) return false;
      place = start + length;
      const hash = hashOf(view, start, place);
      if ((((bits[(hash & mask) >>> 5] ?? 0) >>> (hash & 31)) & 1) === 0) continue;
      const slot = this.#slots[this.#search(hash, view, start, place)] ?? 0;
      if (slot !== 0) onHit(index, (slot & this.#slotMask) - 1);
    }
    return true;
  }

  /** Whether the key of this number has the bytes `start` (inclusive) to `end` (exclusive). */
  is(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#equals(number, this.#viewOf(bytes), start, end);
  }

  /** The bytes of all keys one after another, and where each begins and the last one ends; valid until the next `add`. */
  values(): { readonly bytes: Uint8Array; readonly offsets: Int32Array } {
    const offsets = new Int32Array(this.#size + 1);
    offsets.set(this.#ends.subarray(0, this.#size), 1);
    return { bytes: this.#arena.subarray(0, offsets[this.#size]), offsets };
  }

  /** Forgets the keys from number `size` on, as if they had not been added. */
  truncate(size: number): void {
    while (this.#size > size) {
      this.#size -= 1;
      let place = (this.#hashes[this.#size] ?? 0) & this.#slotMask;
      while (((this.#slots[place] ?? 0) & this.#slotMask) - 1 !== this.#size) {
        place = (place + 1) & this.#slotMask;
      }
      // No search passes over the key that came last.
      this.#slots[place] = 0;
    }
    if (this.#marked > size) this.#marked = 0;
    if (this.#bounded > size) [this.#bounded, this.#least, this.#greatest] = [0, 0, 0];
  }

  /** Forgets all keys, and keeps the memory for others. */
  clear(): void {
    this.#size = 0;
    this.#slots.fill(0);
    this.#marked = 0;
    this.#bounded = 0;
    this.#least = 0;
    this.#greatest = 0;
  }

  /** The bytes of a key by its number: a view, valid until the next `add`. */
  key(number: number): Uint8Array {
    assert(number >= 0 && number < this.#size, 'no key has this number');
    return this.#arena.subarray(this.#startOf(number), this.#ends[number]);
  }

  /** The least and the greatest key in the order of their bytes, the shorter of two first that begin alike; not of an empty set. */
  bounds(): { readonly min: Uint8Array; readonly max: Uint8Array } {
    assert(this.#size > 0, 'an empty set of keys has no bounds');
    for (; this.#bounded < this.#size; this.#bounded += 1) {
      if (this.#compare(this.#bounded, this.#least) < 0) this.#least = this.#bounded;
      if (this.#compare(this.#bounded, this.#greatest) > 0) this.#greatest = this.#bounded;
    }
    return { min: this.key(this.#least), max: this.key(this.#greatest) };
  }

  #compare(left: number, right: number): number {
    let place = this.#startOf(left);
    let other = this.#startOf(right);
    const bytesLeft = (this.#ends[left] ?? 0) - place;
    const bytesRight = (this.#ends[right] ?? 0) - other;
    const end = place + Math.min(bytesLeft, bytesRight);
    for (; place < end; place += 1, other += 1) {
      const difference = (this.#arena[place] ?? 0) - (this.#arena[other] ?? 0);
      if (difference !== 0) return difference;
    }
    return bytesLeft - bytesRight;
  }

  /** Where the key stands, or the free place where it belongs. */
  #search(hash: number, view: DataView, start: number, end: number): number {
    const slots = this.#slots;
    const mask = this.#slotMask;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = slots[place] ?? 0;
      if (slot === 0) return place;
      if (((slot ^ hash) & ~mask) !== 0) continue;
      if (this.#equals((slot & mask) - 1, view, start, end)) return place;
    }
  }

  #equals(number: number, view: DataView, start: number, end: number): boolean {
    let at = this.#startOf(number);
    const size = end - start;
    if ((this.#ends[number] ?? 0) - at !== size) return false;
    const arena = this.#arenaView;
    let place = start;
    if (size < 4) {
      for (; place < end; place += 1, at += 1) {
        if (arena.getUint8(at) !== view.getUint8(place)) return false;
      }
      return true;
    }
    // Values of one kind differ where they end more often than where they begin.
    if (arena.getInt32(at + size - 4, true) !== view.getInt32(end - 4, true)) return false;
    for (; place + 8 < end; place += 8, at += 8) {
      const low = arena.getInt32(at, true) ^ view.getInt32(place, true);
      const high = arena.getInt32(at + 4, true) ^ view.getInt32(place + 4, true);
      if ((low | high) !== 0) return false;
    }
    return place + 4 >= end || arena.getInt32(at, true) === view.getInt32(place, true);
  }

  #intern(hash: number, view: DataView, start: number, end: number): number {
    const place = this.#search(hash, view, start, end);
    const slot = this.#slots[place] ?? 0;
    if (slot !== 0) return (slot & this.#slotMask) - 1;
    this.#append(view, start, end);
    this.#hashes[this.#size] = hash;
    this.#size += 1;
    this.#slots[place] = (hash & ~this.#slotMask) | this.#size;
    if (this.#size === this.#ends.length) this.#growSlots(this.#slots.length * 2);
    return this.#size - 1;
  }

  #append(view: DataView, start: number, end: number): void {
    let at = this.#startOf(this.#size);
    this.#makeRoom(at + end - start);
    const arena = this.#arenaView;
    let place = start;
    for (; place + 4 <= end; place += 4, at += 4) {
      arena.setInt32(at, view.getInt32(place, true), true);
    }
    for (; place < end; place += 1, at += 1) arena.setUint8(at, view.getUint8(place));
    this.#ends[this.#size] = at;
  }

  #startOf(number: number): number {
    return number === 0 ? 0 : (this.#ends[number - 1] ?? 0);
  }

  #viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#source) {
      this.#source = bytes;
      this.#sourceView = viewOf(bytes);
    }
    return this.#sourceView;
  }

  #makeRoom(arenaBytes: number): void {
    if (arenaBytes <= this.#arena.length) return;
    assert(arenaBytes <= ARENA_BYTES_MAX, 'a set of keys holds more than 4 GiB');
    const doubled = Math.max(arenaBytes, this.#arena.length * 2);
    const arena = new Uint8Array(Math.min(doubled, ARENA_BYTES_MAX));
    arena.set(this.#arena);
    this.#arena = arena;
    this.#arenaView = viewOf(arena);
  }

  /** Sets the bits of all keys. */
  #mark(): void {
    if (this.#marked === this.#size) return;
    const bits = new Int32Array((this.#slots.length * BITS_PER_SLOT) / 32);
    const mask = bits.length * 32 - 1;
    for (let number = 0; number < this.#size; number += 1) {
      const hash = this.#hashes[number] ?? 0;
      const place = (hash & mask) >>> 5;
      bits[place] = (bits[place] ?? 0) | (1 << (hash & 31));
    }
    this.#bits = bits;
    this.#marked = this.#size;
  }

  #growSlots(slotCount: number): void {
    const slots = new Int32Array(slotCount);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#size; number += 1) {
      const hash = this.#hashes[number] ?? 0;
      let place = hash & mask;
      while (slots[place] !== 0) place = (place + 1) & mask;
      slots[place] = (hash & ~mask) | (number + 1);
    }
    this.#slots = slots;
    this.#slotMask = mask;
    const hashes = new Int32Array(slots.length / 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const ends = new Uint32Array(slots.length / 2);
    ends.set(this.#ends);
    this.#ends = ends;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * 32 bits of all bytes: two lanes of multiply and shift, as in xxHash, that do not wait for each other, and the end of
 * MurmurHash3, after which every bit depends on all.
 */
function hashOf(view: DataView, start: number, end: number): number {
  let a = 0x27d4eb2f ^ (end - start);
  let b = 0x165667b1;
  let place = start;
  for (; place + 8 <= end; place += 8) {
    a = Math.imul(a ^ view.getInt32(place, true), 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b ^ view.getInt32(place + 4, true), 0x85ebca77);
    b ^= b >>> 13;
  }
  if (end - start >= 4) {
    // What is left, with some bytes of what was taken.
    if (place + 4 < end) {
      a = Math.imul(a ^ view.getInt32(place, true), 0x9e3779b1);
      a ^= a >>> 15;
    }
    if (place < end) b = Math.imul(b ^ view.getInt32(end - 4, true), 0x85ebca77);
  } else {
    for (; place < end; place += 1) b = Math.imul(b ^ view.getUint8(place), 0x85ebca77);
  }
  b ^= b >>> 13;
  let hash = a ^ Math.imul(b, 0xc2b2ae3d);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
