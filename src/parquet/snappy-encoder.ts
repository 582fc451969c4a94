/**
 * Encodes Snappy's raw format, whose layout is in `snappy.ts`: the greedy search of google/snappy's format description,
 * with a table of where five bytes were seen last, block by block, so that no distance takes more than two bytes. A copy of
 * four would save next to nothing, and in digits many are the same by chance.
 */

const BLOCK_BYTES = 65_536;
const HASH_BITS = 14;
/** What a search looks at beyond the place where it is. */
const MARGIN_BYTES = 15;
const COPY_BYTES_MAX = 64;
/** Shorter pieces are moved here: calling the platform costs more. */
const LITERAL_BY_HAND_MAX = 128;

/** Bytes that the memory for an output must have. */
export function snappyOutputBytesMax(inputBytes: number): number {
  return 32 + inputBytes + Math.ceil(inputBytes / 6);
}

/** What a stream begins with: the length of its output, as a varint. */
export function snappyLength(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(5);
  return bytes.subarray(0, putLength(bytes, sizeBytes));
}

/** The tag before the bytes of a literal. */
export function snappyLiteralHead(length: number): Uint8Array {
  const count = length - 1;
  if (count < 60) return Uint8Array.of(count << 2);
  const follows = count < 0x100 ? 1 : count < 0x10000 ? 2 : count < 0x1000000 ? 3 : 4;
  const head = Buffer.alloc(1 + follows, (59 + follows) << 2);
  head.writeUIntLE(count, 1, follows);
  return head;
}

export class SnappyEncoder {
  readonly #table = new Uint16Array(1 << HASH_BITS);

  /** Encodes the first `sizeBytes` of `input` into `output`, and answers with how many bytes that took. */
  encode(input: Uint8Array, sizeBytes: number, output: Uint8Array): number {
    const work: Work = {
      input,
      view: new DataView(input.buffer, input.byteOffset, input.byteLength),
      output,
      outputView: new DataView(output.buffer, output.byteOffset, output.byteLength),
      table: this.#table,
    };
    let end = putLength(output, sizeBytes);
    for (let start = 0; start < sizeBytes; start += BLOCK_BYTES) {
      end = encodeBlock(work, start, Math.min(sizeBytes, start + BLOCK_BYTES), end);
    }
    return end;
  }
}

interface Work {
  readonly input: Uint8Array;
  readonly view: DataView;
  readonly output: Uint8Array;
  readonly outputView: DataView;
  readonly table: Uint16Array;
}

/** Encodes bytes `base` to `limit`, and answers with where the output ends then. */
function encodeBlock(work: Work, base: number, limit: number, outputEnd: number): number {
  const { view, table, output } = work;
  const searchEnd = limit - MARGIN_BYTES;
  table.fill(0);
  let end = outputEnd;
  let written = base;
  let at = base + 1;
  // The longer nothing is found, the larger the steps: what cannot be compressed is passed over quickly.
  let skip = 32;
  while (at < searchEnd) {
    const word = view.getInt32(at, true);
    const next = view.getInt32(at + 1, true);
    const slot = hashOf(word, next);
    const candidate = base + (table[slot] ?? 0);
    table[slot] = at - base;
    if (view.getInt32(candidate, true) !== word || view.getInt32(candidate + 1, true) !== next) {
      at += skip >> 5;
      skip += 1;
      continue;
    }
    if (at > written) end = putLiteral(work, written, at, end);
    const length = matched(view, candidate, at, limit);
    end = putCopy(output, end, at - candidate, length);
    at += length;
    written = at;
    skip = 32;
    if (at < searchEnd) {
      table[hashOf(view.getInt32(at - 1, true), view.getInt32(at, true))] = at - 1 - base;
    }
  }
  return written < limit ? putLiteral(work, written, limit, end) : end;
}

/** How many bytes are the same from both places on; the first five are. */
function matched(view: DataView, candidate: number, at: number, limit: number): number {
  let length = 5;
  while (at + length + 4 <= limit) {
    const difference = view.getInt32(candidate + length, true) ^ view.getInt32(at + length, true);
    // The lowest byte that differs comes first.
    if (difference !== 0) return length + ((31 - Math.clz32(difference & -difference)) >> 3);
    length += 4;
  }
  while (at + length < limit && view.getUint8(candidate + length) === view.getUint8(at + length)) {
    length += 1;
  }
  return length;
}

function putLiteral(work: Work, start: number, limit: number, at: number): number {
  const { input, output } = work;
  const length = limit - start;
  const count = length - 1;
  let end = at;
  if (count < 60) end = put(output, end, count << 2);
  else if (count < 0x100) {
    end = put(output, end, 60 << 2);
    end = put(output, end, count);
  } else {
    end = put(output, end, 61 << 2);
    end = put(output, end, count & 0xff);
    end = put(output, end, count >> 8);
  }
  if (length > LITERAL_BY_HAND_MAX) output.set(input.subarray(start, limit), end);
  else moveWords(work, start, limit, end);
  return end + length;
}

/** Moves bytes `start` to `limit` of the input to the place `at` of the output, word by word. */
function moveWords({ view, outputView }: Work, start: number, limit: number, at: number): void {
  let place = start;
  let to = at;
  for (; place + 4 <= limit; place += 4, to += 4) {
    outputView.setInt32(to, view.getInt32(place, true), true);
  }
  for (; place < limit; place += 1, to += 1) outputView.setUint8(to, view.getUint8(place));
}

function putCopy(output: Uint8Array, at: number, distance: number, length: number): number {
  let end = at;
  let rest = length;
  // A copy has four bytes at least, in the form that is left for the last one.
  while (rest >= COPY_BYTES_MAX + 4) {
    end = putFar(output, end, distance, COPY_BYTES_MAX);
    rest -= COPY_BYTES_MAX;
  }
  if (rest > COPY_BYTES_MAX) {
    end = putFar(output, end, distance, COPY_BYTES_MAX - 4);
    rest -= COPY_BYTES_MAX - 4;
  }
  if (rest >= 12 || distance >= 2048) return putFar(output, end, distance, rest);
  output[end] = 1 | ((rest - 4) << 2) | ((distance >> 8) << 5);
  output[end + 1] = distance & 0xff;
  return end + 2;
}

function putFar(output: Uint8Array, at: number, distance: number, length: number): number {
  output[at] = 2 | ((length - 1) << 2);
  output[at + 1] = distance & 0xff;
  output[at + 2] = distance >> 8;
  return at + 3;
}

function put(output: Uint8Array, at: number, byte: number): number {
  output[at] = byte;
  return at + 1;
}

/** At the beginning of the output; answers with where it ends. */
function putLength(output: Uint8Array, sizeBytes: number): number {
  let end = 0;
  let rest = sizeBytes;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    end = put(output, end, (rest % 0x80) | 0x80);
  }
  return put(output, end, rest);
}

/** Of five bytes: the first four, and those from the second one on. */
function hashOf(word: number, next: number): number {
  return (Math.imul(word, 0x1e35a7bd) + Math.imul(next, 0x9e3779b1)) >>> (32 - HASH_BITS);
}
