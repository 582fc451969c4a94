/** Partition values by the text that they have in the log: each is parsed once, and files have its number. */

import type { PartitionValues } from './actions.ts';
import { decodePartitionValues } from './decode.ts';
import { HashIndex, hashOf, viewOf } from './hash-index.ts';

export class PartitionTexts {
  readonly #values: PartitionValues[] = [];
  readonly #texts: Buffer[] = [];
  readonly #index = new HashIndex();
  /** Files of one partition come together. */
  #last = 0;

  /** The texts there are. */
  get size(): number {
    return this.#values.length;
  }

  values(number: number): PartitionValues {
    return this.#values[number] ?? {};
  }

  /** The number of the values whose JSON stands from `start` to `end`; −1 where that is none. */
  numberOf(bytes: Buffer, view: DataView, start: number, end: number): number {
    const isText = (number: number): boolean => {
      const text = this.#texts[number];
      return text?.length === end - start && text.compare(bytes, start, end) === 0;
    };
    if (isText(this.#last)) return this.#last;
    const hash = hashOf(view, start, end);
    const known = this.#index.find(hash, isText);
    if (known >= 0) {
      this.#last = known;
      return known;
    }
    const values = decodePartitionValues(bytes.toString('utf8', start, end));
    if (values === null) return -1;
    const number = this.#values.length;
    this.#values.push(values);
    this.#texts.push(Buffer.from(bytes.subarray(start, end)));
    this.#index.add(hash, number);
    return number;
  }

  /** The number of these values. */
  numberOfValues(values: PartitionValues): number {
    const text = Buffer.from(JSON.stringify(values));
    return this.numberOf(text, viewOf(text), 0, text.length);
  }
}
