/** The entries of many pages of a leaf, one after another: their levels, and which value each has. */

import type { RawPage } from './leaf-reader.ts';
import type { LeafPiece } from './leaf-values.ts';

const ENTRIES_MIN = 64 * 1024;

/** A leaf of the file to be. */
export interface EntryLevels {
  /** The level of an entry that holds a value. */
  readonly definition: number;
  readonly repetition: number;
}

/** What of a page its entries are. */
export type PageLevels = Pick<RawPage, 'count' | 'definition' | 'repetition' | 'indices'>;

/** The memory is used again after `clear`. */
export class PageEntries {
  readonly #leaf: EntryLevels;
  #count = 0;
  #isWhole = true;
  #definitions = new Uint8Array(0);
  #repetitions = new Uint8Array(0);
  #numbers = new Int32Array(0);

  constructor(leaf: EntryLevels) {
    this.#leaf = leaf;
  }

  get count(): number {
    return this.#count;
  }

  /** Of each entry that holds one, the number of its value. */
  get numbers(): Int32Array {
    return this.#numbers;
  }

  /** Adds the entries of a page, whose values, or those that its indices name, have the numbers from `first` on. */
  add(page: PageLevels, first: number): void {
    this.#reserve(page.count);
    this.#addLevels(page);
    this.#number(page, first);
    this.#count += page.count;
  }

  /** Valid until `clear`. */
  levels(): Pick<LeafPiece, 'definitions' | 'repetitions'> {
    return {
      definitions: this.#isWhole ? null : this.#definitions.subarray(0, this.#count),
      repetitions: this.#leaf.repetition === 0 ? null : this.#repetitions.subarray(0, this.#count),
    };
  }

  clear(): void {
    this.#count = 0;
    this.#isWhole = true;
  }

  #reserve(count: number): void {
    const needed = this.#count + count;
    if (needed <= this.#numbers.length) return;
    const size = Math.max(ENTRIES_MIN, needed, this.#numbers.length * 2);
    const numbers = new Int32Array(size);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const grown = (levels: Uint8Array): Uint8Array<ArrayBuffer> => {
      const larger = new Uint8Array(size);
      larger.set(levels);
      return larger;
    };
    this.#definitions = grown(this.#definitions);
    this.#repetitions = grown(this.#repetitions);
  }

  #addLevels({ count, definition, repetition }: PageLevels): void {
    const [from, to] = [this.#count, this.#count + count];
    const max = this.#leaf.definition;
    if (definition !== null) {
      if (this.#isWhole) this.#definitions.fill(max, 0, from);
      this.#isWhole = false;
      this.#definitions.set(definition, from);
    } else if (!this.#isWhole) this.#definitions.fill(max, from, to);
    if (this.#leaf.repetition === 0) return;
    if (repetition === null) this.#repetitions.fill(0, from, to);
    else this.#repetitions.set(repetition, from);
  }

  #number({ count, definition, indices }: PageLevels, first: number): void {
    const numbers = this.#numbers;
    const max = this.#leaf.definition;
    const from = this.#count;
    if (definition === null) {
      if (indices === null) {
        for (let at = 0; at < count; at += 1) numbers[from + at] = first + at;
      } else for (let at = 0; at < count; at += 1) numbers[from + at] = first + (indices[at] ?? 0);
      return;
    }
    let next = 0;
    for (let at = 0; at < count; at += 1) {
      if (definition[at] !== max) continue;
      numbers[from + at] = first + (indices === null ? next : (indices[next] ?? 0));
      next += 1;
    }
  }
}
