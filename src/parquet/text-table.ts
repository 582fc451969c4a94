/** Texts of a column that repeat, each by a number. */

import { LENGTH_BYTES, type PlainValues } from './key-pages.ts';

/** Texts with a number each. Those of a dictionary keep their places in it, so that they are made once. */
export class TextTable {
  readonly texts: string[] = [];
  readonly #numbers = new Map<string, number>();
  #dictionary: Int32Array | null = null;

  ofDictionary(values: PlainValues, indices: (size: number) => Int32Array): Int32Array {
    const numbers = (this.#dictionary ??= this.ofPlain(values));
    const own = indices(values.count);
    for (let at = 0; at < own.length; at += 1) own[at] = numbers[own[at] ?? 0] ?? -1;
    return own;
  }

  ofPlain(values: PlainValues): Int32Array {
    const { bytes } = values;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const offsets = values.offsets();
    return new Int32Array(values.count).map((_, at) =>
      this.#numberOf(buffer.toString('utf8', (offsets[at] ?? 0) + LENGTH_BYTES, offsets[at + 1])),
    );
  }

  #numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.texts.length;
    this.texts.push(text);
    this.#numbers.set(text, number);
    return number;
  }
}
