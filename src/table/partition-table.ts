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
  /** By number, where they were asked for; the first is that of a file without any. */
  readonly #values: (PartitionValues | undefined)[] = [{}];
  readonly #paths = new EntryPaths();
  /** Every text that was met, by its number, from 1 on. */
  readonly #texts: (string | null)[] = [null];
  readonly #numbers = new Map<string, number>();

  /** The combinations there are. */
  get size(): number {
    return this.#values.length;
  }

  values(number: number): PartitionValues {
    return (this.#values[number] ??= this.#make(number));
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
      let path = 0;
      for (const end = keys.ends[row] ?? 0; at < end; at += 1) {
        const value = values === null ? 0 : (valueTexts[values.entries[at] ?? -1] ?? 0);
        path = paths.after(path, keyTexts[keys.entries[at] ?? -1] ?? 0, value);
      }
      const number = paths.numberOf(path);
      if (number === this.#values.length) this.#values.push(undefined);
      numbers[row] = number;
    }
    return numbers;
  }

  #make(number: number): PartitionValues {
    const entries = this.#paths.entriesOf(number).map(([key, value]) => {
      return [this.#texts[key] ?? '', this.#texts[value] ?? null] as const;
    });
    return Object.fromEntries(entries);
  }

  #textNumbers({ texts }: Items): Int32Array {
    return Int32Array.from(texts, (text) => {
      const known = this.#numbers.get(text);
      if (known !== undefined) return known;
      const number = this.#texts.push(text) - 1;
      this.#numbers.set(text, number);
      return number;
    });
  }
}

/** Sequences of entries as paths from a root, so that one that was met before is known by numbers alone. */
class EntryPaths {
  /** Of each path that was gone on from the paths that follow, by the number of their last key and then of its value. */
  readonly #next: (number[] | undefined)[][] = [];
  /** Of each path the one that it goes on from, and by which entry. */
  readonly #from: (readonly [path: number, key: number, value: number])[] = [[0, 0, 0]];
  /** Of each path that files have its number, or −1; the root has the first. */
  readonly #numbers: number[] = [0];
  /** By number. */
  readonly #paths: number[] = [0];

  after(path: number, key: number, value: number): number {
    const known = this.#next[path]?.[key]?.[value];
    if (known !== undefined) return known;
    const next = this.#numbers.push(-1) - 1;
    this.#from.push([path, key, value]);
    ((this.#next[path] ??= [])[key] ??= [])[value] = next;
    return next;
  }

  /** The number of a path, which is the next one where it had none. */
  numberOf(path: number): number {
    const known = this.#numbers[path] ?? -1;
    if (known >= 0) return known;
    const number = this.#paths.push(path) - 1;
    this.#numbers[path] = number;
    return number;
  }

  /** The keys and values on the way to the path of a number. */
  entriesOf(number: number): readonly (readonly [number, number])[] {
    const entries: [number, number][] = [];
    let path = this.#paths[number] ?? 0;
    while (path !== 0) {
      const [before, key, value] = this.#from[path] ?? [0, 0, 0];
      entries.push([key, value]);
      path = before;
    }
    return entries.toReversed();
  }
}

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
