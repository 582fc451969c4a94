/** Files that a checkpoint names twice, as some writers do after a failure: one of them counts. PROTOCOL.md, "Action Reconciliation". */

import { HashIndex, pathKey } from '../log/index.ts';
import type { FileSegment } from './file-segment.ts';

/**
 * The segments, with the later rows of the same add taken for rows without a file. The same add has the same size, time and
 * partition; only where these are equal, paths are looked at, and partitions only where the others are.
 */
export function withoutRepeats(
  segments: readonly FileSegment[],
  pathsOf: (segment: FileSegment) => (row: number) => string,
): readonly FileSegment[] {
  const alike = rowsAlike(segments);
  if (alike.size === 0) return segments;
  const seen = new Set<string>();
  return segments.map((segment, number) => {
    const rows = alike.get(number);
    if (rows === undefined) return segment;
    const pathOf = pathsOf(segment);
    const repeated = rows.filter((row) => {
      const key = pathKey(pathOf(row));
      const isRepeated = seen.has(key);
      seen.add(key);
      return isRepeated;
    });
    if (repeated.length === 0) return segment;
    const isFile = segment.isFile?.slice() ?? new Uint8Array(segment.rowCount).fill(1);
    for (const row of repeated) isFile[row] = 0;
    return { ...segment, isFile };
  });
}

/** Rows with files that others may repeat, by the number of their segment, in rising order. */
function rowsAlike(segments: readonly FileSegment[]): ReadonlyMap<number, readonly number[]> {
  const hashes = segments.map(hashesOf);
  const again = repeatedHashes(segments, hashes);
  const alike = new Map<number, Set<number>>();
  if (again === null) return new Map();
  const places: Place[] = [];
  const index = new HashIndex();
  for (const [number, segment] of segments.entries()) {
    const own = hashes[number] ?? NO_HASHES;
    for (let row = 0; row < own.length; row += 1) {
      const hash = own[row] ?? 0;
      if (!again.has(hash) || segment.isFile?.[row] === 0) continue;
      const place = { number, segment, row };
      // Most have some bits of the hash in common and nothing else.
      const before = index.find(hash, (other) => isAlike(place, places[other]));
      index.add(hash, places.length);
      places.push(place);
      for (const it of before < 0 ? [] : [place, places[before] ?? place]) {
        const rows = alike.get(it.number);
        if (rows === undefined) alike.set(it.number, new Set([it.row]));
        else rows.add(it.row);
      }
    }
  }
  return new Map([...alike].map(([number, rows]) => [number, [...rows].sort((a, b) => a - b)]));
}

const NO_HASHES = new Int32Array(0);

interface Place {
  /** Of the segment. */
  readonly number: number;
  readonly segment: FileSegment;
  readonly row: number;
}

function isAlike(left: Place, right: Place | undefined): boolean {
  if (right === undefined) return false;
  return (
    left.segment.sizes[left.row] === right.segment.sizes[right.row] &&
    left.segment.modificationTimes[left.row] === right.segment.modificationTimes[right.row] &&
    left.segment.partitions()[left.row] === right.segment.partitions()[right.row]
  );
}

/** The hashes that more than one row with a file has, and hardly any other; null where there are none. */
function repeatedHashes(
  segments: readonly FileSegment[],
  hashes: readonly Int32Array[],
): BitSet | null {
  const met = new BitSet(16 * segments.reduce((sum, { rowCount }) => sum + rowCount, 0));
  const repeated: number[] = [];
  for (const [number, { isFile }] of segments.entries()) {
    const own = hashes[number] ?? NO_HASHES;
    for (let row = 0; row < own.length; row += 1) {
      const hash = own[row] ?? 0;
      if (isFile?.[row] !== 0 && met.add(hash)) repeated.push(hash);
    }
  }
  if (repeated.length === 0) return null;
  const again = new BitSet(64 * repeated.length);
  for (const hash of repeated) again.add(hash);
  return again;
}

/** Bits by hashes. */
class BitSet {
  readonly #words: Int32Array;

  constructor(bitCount: number) {
    this.#words = new Int32Array(2 ** Math.ceil(Math.log2(bitCount / 32 + 2)));
  }

  has(hash: number): boolean {
    const word = (hash >>> 5) & (this.#words.length - 1);
    return ((this.#words[word] ?? 0) & (1 << (hash & 31))) !== 0;
  }

  /** Whether it was there. */
  add(hash: number): boolean {
    const word = (hash >>> 5) & (this.#words.length - 1);
    const before = this.#words[word] ?? 0;
    const mask = 1 << (hash & 31);
    this.#words[word] = before | mask;
    return (before & mask) !== 0;
  }
}

/** A hash of the size and the time of each row. */
function hashesOf({ sizes, modificationTimes, rowCount }: FileSegment): Int32Array {
  const [sizeWords, timeWords] = [wordsOf(sizes), wordsOf(modificationTimes)];
  const hashes = new Int32Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const [low, high] = [2 * row, 2 * row + 1];
    let hash = Math.imul(sizeWords[low] ?? 0, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (sizeWords[high] ?? 0), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ (timeWords[low] ?? 0), 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 16) ^ (timeWords[high] ?? 0), 0x27d4eb2f);
    hashes[row] = hash ^ (hash >>> 15);
  }
  return hashes;
}

/** The bits of numbers, which none but equal ones share: they are whole and not below zero. */
function wordsOf({ buffer, byteOffset, length }: Float64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, 2 * length);
}
