/** Memory for the page that is being written, and what pages are made of. */

/** Runs that are shorter than this cost less as packed bits. */
const RUN_MIN = 8;
const BYTES_MIN = 64 * 1024;

export class PageBuffer {
  bytes = new Uint8Array(BYTES_MIN);
  #view = new DataView(this.bytes.buffer);
  end = 0;

  /** Makes room for so many more bytes. */
  reserve(byteCount: number): void {
    if (this.end + byteCount <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.end + byteCount));
    larger.set(this.bytes.subarray(0, this.end));
    this.bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  /** For which there is room. */
  int32(value: number): void {
    this.#view.setInt32(this.end, value, true);
    this.end += 4;
  }

  /** Copies bytes `start` to `end` of what `from` views, for which there is room. */
  copy(from: DataView, start: number, end: number): void {
    const to = this.#view;
    let at = this.end;
    let place = start;
    for (; place + 4 <= end; place += 4, at += 4) to.setInt32(at, from.getInt32(place, true), true);
    for (; place < end; place += 1, at += 1) to.setUint8(at, from.getUint8(place));
    this.end = at;
  }

  set(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** Levels `start` to `end`, none above `max`, after the length of what they take. */
  levels(levels: Uint8Array | null, range: LevelRange, max: number): void {
    if (max === 0) return;
    const { start, end } = range;
    this.reserve(4);
    const lengthAt = this.end;
    this.end += 4;
    const bitWidth = bitWidthOf(max);
    if (levels === null) {
      this.reserve(8);
      this.#run(end - start, max, bitWidth);
    } else this.hybrid(levels, start, end, bitWidth);
    this.#view.setInt32(lengthAt, this.end - lengthAt - 4, true);
  }

  /** Values `start` to `end` in the layout of `hybrid.ts`; `bitWidth` is 24 at most. */
  hybrid(values: Uint8Array | Int32Array, start: number, end: number, bitWidth: number): void {
    // A run takes less than its values packed, and what is packed takes a byte for the width of each group of eight.
    this.reserve(16 + Math.ceil((end - start) / 8) * (bitWidth + 6));
    let at = start;
    while (at < end) {
      const run = runLength(values, at, end);
      if (run >= RUN_MIN) {
        this.#run(run, values[at] ?? 0, bitWidth);
        at += run;
        continue;
      }
      let to = at + 8;
      while (to < end && runLength(values, to, Math.min(end, to + RUN_MIN)) < RUN_MIN) to += 8;
      this.#packed(values, at, Math.min(to, end), bitWidth);
      at = to;
    }
  }

  #run(count: number, value: number, bitWidth: number): void {
    this.#varint(count * 2);
    for (let shift = 0; shift < bitWidth; shift += 8) this.#byte((value >>> shift) & 0xff);
  }

  #packed(values: Uint8Array | Int32Array, start: number, end: number, bitWidth: number): void {
    const groups = Math.ceil((end - start) / 8);
    this.#varint(groups * 2 + 1);
    const { bytes } = this;
    let to = this.end;
    let word = 0;
    let bits = 0;
    for (let at = start; at < start + groups * 8; at += 1) {
      word |= (at < end ? (values[at] ?? 0) : 0) << bits;
      bits += bitWidth;
      for (; bits >= 8; bits -= 8, to += 1) {
        bytes[to] = word;
        word >>>= 8;
      }
    }
    this.end = to;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#byte((rest % 0x80) | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.bytes[this.end] = value;
    this.end += 1;
  }
}

export interface LevelRange {
  readonly start: number;
  readonly end: number;
}

/** Bits that numbers up to `max` take. */
export function bitWidthOf(max: number): number {
  return 32 - Math.clz32(max);
}

function runLength(values: Uint8Array | Int32Array, start: number, end: number): number {
  const value = values[start];
  let at = start + 1;
  while (at < end && values[at] === value) at += 1;
  return at - start;
}
