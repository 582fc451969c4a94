/** Files that a checkpoint names twice, as some writers do after a failure: one of them counts. PROTOCOL.md, "Action Reconciliation". */

import { pathKey } from '../log/index.ts';
import type { FileSegment } from './file-segment.ts';

/**
 * The segments, with the later rows of the same add taken for rows without a file. The same add has the same size, time and
 * partition; only where these are equal, paths are looked at.
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
  const rowCount = segments.reduce((sum, segment) => sum + segment.rowCount, 0);
  const [met, again] = [new BitSet(16 * rowCount + 64), new BitSet(16 * rowCount + 64)];
  let isAny = false;
  for (const { segment, row } of rowsOf(segments)) {
    const hash = hashOf(segment, row);
    if (!met.add(hash)) continue;
    again.add(hash);
    isAny = true;
  }
  const rows = new Map<number, number[]>();
  if (!isAny) return rows;
  // Some have a hash in common and nothing else.
  const counts = new Map<string, number>();
  for (const { segment, row } of rowsOf(segments)) {
    if (!again.has(hashOf(segment, row))) continue;
    const key = keyOf(segment, row);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const { segment, row, number } of rowsOf(segments)) {
    if (!again.has(hashOf(segment, row)) || (counts.get(keyOf(segment, row)) ?? 0) < 2) continue;
    const known = rows.get(number);
    if (known === undefined) rows.set(number, [row]);
    else known.push(row);
  }
  return rows;
}

interface Place {
  segment: FileSegment;
  row: number;
  /** Of the segment. */
  number: number;
}

/** The rows with files; always the same object. */
function* rowsOf(segments: readonly FileSegment[]): Generator<Readonly<Place>> {
  for (const [number, segment] of segments.entries()) {
    const place = { segment, row: 0, number };
    for (; place.row < segment.rowCount; place.row += 1) {
      if (segment.isFile?.[place.row] !== 0) yield place;
    }
  }
}

/** Bits by hashes. */
class BitSet {
  readonly #words: Int32Array;

  constructor(bitCount: number) {
    this.#words = new Int32Array(2 ** Math.ceil(Math.log2(bitCount / 32)));
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

function keyOf({ sizes, modificationTimes, partitions }: FileSegment, row: number): string {
  return `${sizes[row]} ${modificationTimes[row]} ${partitions[row]}`;
}

function hashOf({ sizes, modificationTimes, partitions }: FileSegment, row: number): number {
  const [size, time] = [sizes[row] ?? 0, modificationTimes[row] ?? 0];
  let hash = Math.imul(size ^ Math.floor(size / 2 ** 32), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ time, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ Math.floor(time / 2 ** 32), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16) ^ (partitions[row] ?? 0), 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}
