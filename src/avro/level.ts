/**
 * Places of columns that grow together: one level for the rows, one for the items of each array or map. How many places are
 * taken nobody has to keep: for rows it is their count, for items the last offset of the array that holds them. So a row
 * that turns out to be broken leaves nothing to take back.
 */

import type { ByteReader } from './byte-reader.ts';

export interface Growing {
  /** Of memory, for each place. */
  readonly placeBytes: number;
  /** Makes room for `capacity` places and keeps what the first `taken` hold. */
  grow(capacity: number, taken: number): void;
}

const CAPACITY_MIN = 1024;

export class Level {
  readonly #columns: Growing[] = [];
  readonly #reader: ByteReader;
  readonly #bytesMax: number;
  #placeBytes = 0;
  capacity = 0;

  constructor(reader: ByteReader, bytesMax: number) {
    this.#reader = reader;
    this.#bytesMax = bytesMax;
  }

  /** Adds a column; all are added before the first place is taken. */
  add(column: Growing): void {
    this.#columns.push(column);
    this.#placeBytes += column.placeBytes;
  }

  /** Makes room for the place `taken`, the next one. Fault: `AVRO_BATCH_FULL`. */
  grow(taken: number): void {
    const capacity = Math.max(CAPACITY_MIN, this.capacity * 2);
    if (capacity * this.#placeBytes > this.#bytesMax) batchFull(this.#reader);
    for (const column of this.#columns) column.grow(capacity, taken);
    this.capacity = capacity;
  }
}

/** Not the message's fault, if there are others in the batch: it fits the next one. */
export function batchFull(reader: ByteReader): never {
  return reader.fail('AVRO_BATCH_FULL', 'the columns of the batch have no room for what follows');
}

/** Room for values of any length that share one buffer. */
export function grownLength(length: number, needed: number): number {
  return Math.max(length * 2, needed, 4096);
}
