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
