/**
 * Roaring bitmaps: sets of numbers of 32 bits, in the format that all their libraries share (RoaringFormatSpec), little
 * endian throughout. PROTOCOL.md, "Deletion Vector Format".
 *
 *     u32 cookie: 12346 | u32 count                       no runs
 *     u16 cookie: 12347 | u16 count − 1 | bits of the containers that are runs
 *     count × (u16 key, u16 cardinality − 1)
 *     count × u32 offset                                  without runs, or from four containers on
 *     containers: runs (u16 count, × (u16 start, u16 length − 1)), up to 4,096 values as u16, else 65,536 bits
 */

const COOKIE_PLAIN = 12_346;
const COOKIE_RUNS = 12_347;
const OFFSETS_FROM = 4;
const ARRAY_MAX = 4096;
const BITMAP_BYTES = 8192;

/** Bytes that are consumed from the start; reading beyond their end throws a `RangeError`. */
export class BitmapReader {
  readonly #view: DataView;
  #place = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#view.byteLength - this.#place;
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  skip(byteCount: number): void {
    this.#advance(byteCount);
  }

  #advance(byteCount: number): number {
    if (byteCount > this.left) throw new RangeError('the bytes end too early');
    const start = this.#place;
    this.#place += byteCount;
    return start;
  }
}

/**
 * Calls `add` for each value, until it throws. Nothing is kept in memory but the headers. Errors: a `RangeError` where
 * the bytes are no bitmap.
 */
export function readRoaring(reader: BitmapReader, add: (value: number) => void): void {
  for (const { key, cardinality, isRuns } of readHeader(reader)) {
    const base = key * 65_536;
    if (isRuns) readRuns(reader, base, add);
    else if (cardinality <= ARRAY_MAX) {
      for (let index = 0; index < cardinality; index += 1) add(base + reader.uint16());
    } else readBits(reader, base, add);
  }
}

/**
 * The bitmap of the bits that are set, the highest of the first byte being that of 0: each container in the form that takes the
 * least room.
 */
export function encodeRoaring(bits: Uint8Array): Uint8Array {
  const containers = encodedContainers(bits);
  const hasRuns = containers.some(({ isRuns }) => isRuns);
  const flagBytes = hasRuns ? Math.ceil(containers.length / 8) : 0;
  const hasOffsets = !hasRuns || containers.length >= OFFSETS_FROM;
  const headBytes =
    (hasRuns ? 4 : 8) +
    flagBytes +
    containers.length * 4 +
    (hasOffsets ? containers.length * 4 : 0);
  const head = Buffer.alloc(headBytes);
  let place = head.writeUInt32LE(
    hasRuns ? COOKIE_RUNS + (containers.length - 1) * 65_536 : COOKIE_PLAIN,
  );
  if (!hasRuns) place = head.writeUInt32LE(containers.length, place);
  for (const [index, { isRuns }] of containers.entries()) {
    if (isRuns) head[place + (index >> 3)] = (head[place + (index >> 3)] ?? 0) | (1 << (index & 7));
  }
  place += flagBytes;
  for (const { key, cardinality } of containers) {
    place = head.writeUInt16LE(key, place);
    place = head.writeUInt16LE(cardinality - 1, place);
  }
  let offset = headBytes;
  for (const { body } of hasOffsets ? containers : []) {
    place = head.writeUInt32LE(offset, place);
    offset += body.length;
  }
  return Buffer.concat([head, ...containers.map(({ body }) => body)]);
}

interface EncodedContainer extends Container {
  readonly body: Uint8Array;
}

function encodedContainers(bits: Uint8Array): readonly EncodedContainer[] {
  const containers: EncodedContainer[] = [];
  const values = new Uint16Array(65_536);
  for (let start = 0, key = 0; start < bits.length; start += BITMAP_BYTES, key += 1) {
    const block = bits.subarray(start, start + BITMAP_BYTES);
    const cardinality = valuesOf(block, values);
    if (cardinality > 0)
      containers.push(encodedContainer(key, block, values.subarray(0, cardinality)));
  }
  return containers;
}

/** Fills in the places of the bits that are set, ascending; returns how many there are. */
function valuesOf(block: Uint8Array, values: Uint16Array): number {
  let count = 0;
  for (let index = 0; index < block.length; index += 1) {
    // The highest bit is that of the first row.
    for (let rest = (block[index] ?? 0) << 24; rest !== 0;) {
      const bit = Math.clz32(rest);
      values[count] = index * 8 + bit;
      count += 1;
      rest &= ~(0x80_00_00_00 >>> bit);
    }
  }
  return count;
}

function encodedContainer(key: number, block: Uint8Array, values: Uint16Array): EncodedContainer {
  const cardinality = values.length;
  const runs = runsOf(values);
  const plainBytes = cardinality <= ARRAY_MAX ? 2 * cardinality : BITMAP_BYTES;
  if (2 + 2 * runs.length < plainBytes) {
    return { key, cardinality, isRuns: true, body: words([runs.length / 2, ...runs]) };
  }
  const body = cardinality <= ARRAY_MAX ? words(values) : bitmapOf(block);
  return { key, cardinality, isRuns: false, body };
}

/** Start and length − 1 of each run; cut short where there are so many that they take more room than bits do. */
function runsOf(values: Uint16Array): readonly number[] {
  const runs: number[] = [];
  let start = -1;
  let last = -2;
  for (const value of values) {
    if (value !== last + 1) {
      if (start >= 0) runs.push(start, last - start);
      if (2 * runs.length > BITMAP_BYTES) break;
      start = value;
    }
    last = value;
  }
  runs.push(start, last - start);
  return runs;
}

function words(values: Uint16Array | readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(2 * values.length);
  for (let index = 0; index < values.length; index += 1) {
    bytes.writeUInt16LE(values[index] ?? 0, 2 * index);
  }
  return bytes;
}

/** The bits of a container, whose first is the lowest of a byte. */
function bitmapOf(block: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BITMAP_BYTES);
  for (const [index, byte] of block.entries()) {
    for (let bit = 0; byte >> bit !== 0; bit += 1) {
      if (((byte >> bit) & 1) === 1) bytes[index] = (bytes[index] ?? 0) | (128 >> bit);
    }
  }
  return bytes;
}

interface Container {
  readonly key: number;
  readonly cardinality: number;
  readonly isRuns: boolean;
}

function readHeader(reader: BitmapReader): readonly Container[] {
  const cookie = reader.uint32();
  const hasRuns = cookie % 65_536 === COOKIE_RUNS;
  if (!hasRuns && cookie !== COOKIE_PLAIN) throw new RangeError('a bitmap has an unknown cookie');
  const count = hasRuns ? Math.floor(cookie / 65_536) + 1 : reader.uint32();
  if (count > 65_536) throw new RangeError('a bitmap has too many containers');
  const flagBytes = hasRuns ? Math.ceil(count / 8) : 0;
  const runFlags = Array.from({ length: flagBytes }, () => reader.uint8());
  const containers = Array.from({ length: count }, (_, index) => ({
    key: reader.uint16(),
    cardinality: reader.uint16() + 1,
    isRuns: (((runFlags[index >> 3] ?? 0) >> (index & 7)) & 1) === 1,
  }));
  if (!hasRuns || count >= OFFSETS_FROM) reader.skip(4 * count);
  return containers;
}

function readRuns(reader: BitmapReader, base: number, add: (value: number) => void): void {
  for (let runs = reader.uint16(); runs > 0; runs -= 1) {
    const start = reader.uint16();
    const last = start + reader.uint16();
    if (last > 65_535) throw new RangeError('a run leaves its container');
    for (let low = start; low <= last; low += 1) add(base + low);
  }
}

function readBits(reader: BitmapReader, base: number, add: (value: number) => void): void {
  for (let index = 0; index < BITMAP_BYTES; index += 1) {
    const byte = reader.uint8();
    for (let bit = 0; byte >> bit !== 0; bit += 1) {
      if (((byte >> bit) & 1) === 1) add(base + index * 8 + bit);
    }
  }
}
