/** Partition values by the text that they have in the log: each is parsed once, and files have its number. */

import type { PartitionValues } from './actions.ts';
import { decodePartitionValues } from './decode.ts';
import { HashIndex, hashOf, viewOf } from './hash-index.ts';

export class PartitionTexts {
  readonly #values: PartitionValues[] = [];
  readonly #texts: Buffer[] = [];
  readonly #index = new HashIndex();

  /** The texts there are. */
  get size(): number {
    return this.#values.length;
  }

  values(number: number): PartitionValues {
    return this.#values[number] ?? {};
  }

  /** The number of the values whose JSON stands from `start` to `end`; −1 where that is none. */
  numberOf(bytes: Buffer, view: DataView, start: number, end: number): number {
    const hash = hashOf(view, start, end);
    const known = this.#index.find(hash, (number) => this.#isText(number, bytes, start, end));
    if (known >= 0) return known;
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

  #isText(number: number, bytes: Buffer, start: number, end: number): boolean {
    const text = this.#texts[number];
    if (text?.length !== end - start) return false;
    // For so few bytes a call out of JavaScript costs more.
    for (let at = 0; at < text.length; at += 1) {
      if (text[at] !== bytes[start + at]) return false;
    }
    return true;
  }
}
