/** The partition values of many files, each combination once: files have numbers of these. */

import type { PartitionValues } from '../log/index.ts';
import type { Items } from '../parquet/index.ts';

/** The entries of the maps of a row group. */
export interface PartitionItems {
  readonly keys: Items;
  /** Null where all of them are. */
  readonly values: Items | null;
}

export class PartitionTable {
  /** By number; the first is that of a file without any. */
  readonly #values: PartitionValues[] = [{}];
  readonly #numbers = new Map<string, number>([['{}', 0]]);
  /** Every text that was met, from 1 on. */
  readonly #texts = new Map<string, number>();
  readonly #paths = new EntryPaths();

  /** The combinations there are. */
  get size(): number {
    return this.#values.length;
  }

  values(number: number): PartitionValues {
    return this.#values[number] ?? {};
  }

  /** The number of each row's values. */
  numbersOf(items: PartitionItems): Int32Array {
    const { keys, values } = items;
    const keyTexts = this.#textNumbers(keys);
    const valueTexts = values === null ? new Int32Array(0) : this.#textNumbers(values);
    const paths = this.#paths;
    const numbers = new Int32Array(keys.ends.length);
    let at = 0;
    for (let row = 0; row < numbers.length; row += 1) {
      const start = at;
      let path = 0;
      for (const end = keys.ends[row] ?? 0; at < end; at += 1) {
        const value = values === null ? 0 : (valueTexts[values.entries[at] ?? -1] ?? 0);
        path = paths.after(path, keyTexts[keys.entries[at] ?? -1] ?? 0, value);
      }
      let number = paths.numberOf(path);
      if (number < 0) {
        number = this.#intern(entriesOf(items, start, at));
        paths.setNumber(path, number);
      }
      numbers[row] = number;
    }
    return numbers;
  }

  #textNumbers({ texts }: Items): Int32Array {
    return Int32Array.from(texts, (text) => {
      const known = this.#texts.get(text);
      if (known !== undefined) return known;
      const number = this.#texts.size + 1;
      this.#texts.set(text, number);
      return number;
    });
  }

  #intern(values: PartitionValues): number {
    const text = JSON.stringify(values);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#values.length;
    this.#values.push(values);
    this.#numbers.set(text, number);
    return number;
  }
}

/** Sequences of entries as paths from a root, so that one that was met before is known by numbers alone. */
class EntryPaths {
  /** Of the paths that were gone on from: by key and value. */
  readonly #next: (Map<number, number> | undefined)[] = [];
  readonly #numbers: number[] = [-1];

  after(path: number, key: number, value: number): number {
    const entry = key * TEXTS_MAX + value;
    const known = this.#next[path]?.get(entry);
    if (known !== undefined) return known;
    const next = this.#numbers.length;
    this.#numbers.push(-1);
    (this.#next[path] ??= new Map()).set(entry, next);
    return next;
  }

  /** What was set of the path, or -1. */
  numberOf(path: number): number {
    return this.#numbers[path] ?? -1;
  }

  setNumber(path: number, number: number): void {
    this.#numbers[path] = number;
  }
}

/** More texts than a `Map` has room for. */
const TEXTS_MAX = 2 ** 26;

/** The entries from `start` to `end` as a map. */
export function entriesOf(
  { keys, values }: PartitionItems,
  start: number,
  end: number,
): Readonly<Record<string, string | null>> {
  const entries: [string, string | null][] = [];
  for (let at = start; at < end; at += 1) {
    const key = keys.texts[keys.entries[at] ?? -1] ?? '';
    entries.push([key, values?.texts[values.entries[at] ?? -1] ?? null]);
  }
  return Object.fromEntries(entries);
}
