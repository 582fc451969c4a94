/**
 * Plain values of many pages, one behind another, as elements of Snappy: those of a page as they came, wherever no damage in it
 * could change what others give, else encoded again.
 */

import type { Corrupt } from './errors.ts';
import { widthOf } from './gather.ts';
import { LENGTH_BYTES, PlainValues } from './key-pages.ts';
import { PageBuffer } from './page-buffer.ts';
import type { PageCodec } from './page-codec.ts';
import type { PageEncoder } from './page-encoder.ts';
import { skipLength } from './snappy.ts';
import { addSnappyElements } from './snappy-elements.ts';
import { snappyLength } from './snappy-encoder.ts';
import type { ParquetNode } from './types.ts';

/** Values that came together. */
export interface Piece {
  /** Where its elements begin among those of all. */
  readonly start: number;
  /** Of what they give. */
  readonly sizeBytes: number;
  /** Entries of the leaf before those that have its values. */
  readonly entriesBefore: number;
}

/** A page of plain values in Snappy. */
export interface PackedPage {
  /** What follows its header. */
  readonly body: Uint8Array;
  /** Whether it is what its checksum says. */
  readonly isChecked: boolean;
  /** Of what it gives, from the levels before the values to their end. */
  readonly sizeBytes: number;
  /** Where in that the values begin. */
  readonly from: number;
  readonly count: number;
}

/** Where values come from, and go. */
export interface Place {
  /** Entries of the leaf before those that have the values. */
  readonly entriesBefore: number;
  readonly codec: PageCodec;
  readonly corrupt: Corrupt;
}

/** The memory is used again after `clear`. */
export class JoinedValues {
  readonly #width: number;
  readonly #encoder: PageEncoder;
  readonly #elements = new PageBuffer();
  #pieces: Piece[] = [];
  #count = 0;
  #sizeBytes = 0;

  constructor(node: ParquetNode, encoder: PageEncoder) {
    this.#width = widthOf(node);
    this.#encoder = encoder;
  }

  get count(): number {
    return this.#count;
  }

  /** Of the values, as they are without a codec. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Valid until more is added. */
  get elements(): Uint8Array {
    return this.#elements.bytes.subarray(0, this.#elements.end);
  }

  /**
   * Adds the values of a page as they are compressed; the number of the first. Null, and nothing added, where they have to be
   * encoded again. Errors: what `corrupt` makes.
   */
  take(page: PackedPage, at: Place): number | null {
    const { body, sizeBytes, from, count } = page;
    const { codec, corrupt } = at;
    if (!this.#mayHold(count, sizeBytes - from)) return null;
    const start = this.#elements.end;
    // A damaged length would take bytes of the next page's values; values of one width have none.
    const isProven = this.#width > 0 || page.isChecked;
    if (!isProven) {
      const plain = codec.decompress({ codec: 'snappy', bytes: body, sizeBytes }).subarray(from);
      const ends = this.ends(plain, count, corrupt);
      if ((ends[count - 1] ?? 0) !== plain.length) return null;
    }
    if (!isProven && from === 0) {
      this.#elements.set(body.subarray(skipLength(body, sizeBytes, corrupt)));
    } else if (!addSnappyElements(this.#elements, body, { from, sizeBytes, corrupt })) return null;
    return this.#add(count, { start, sizeBytes: sizeBytes - from, ...at });
  }

  /** Adds the first `count` values of some that are plain; the number of the first. */
  addPlain(bytes: Uint8Array, count: number, at: Place): number {
    const { page } = this.#encoder;
    page.end = 0;
    page.set(bytes.subarray(0, this.ends(bytes, count, at.corrupt)[count - 1] ?? 0));
    return this.addPage(count, at);
  }

  /** Adds the values that the encoder's page under way holds; the number of the first. */
  addPage(count: number, { entriesBefore }: Pick<Place, 'entriesBefore'>): number {
    const sizeBytes = this.#encoder.page.end;
    const start = this.#elements.end;
    this.#elements.set(this.#encoder.packed('snappy').subarray(snappyLength(sizeBytes).length));
    return this.#add(count, { start, sizeBytes, entriesBefore });
  }

  /** Where each of the first `count` of some plain values ends. */
  ends(bytes: Uint8Array, count: number, corrupt: Corrupt): Int32Array {
    const width = this.#width;
    if (width === 0) return new PlainValues(bytes, count, corrupt).offsets().subarray(1);
    if (count * width > bytes.length) throw corrupt('a page has fewer values than it says');
    const ends = new Int32Array(count);
    for (let at = 0; at < count; at += 1) ends[at] = (at + 1) * width;
    return ends;
  }

  clear(): void {
    this.#elements.end = 0;
    this.#pieces = [];
    this.#count = 0;
    this.#sizeBytes = 0;
  }

  #add(count: number, { start, sizeBytes, entriesBefore }: Piece): number {
    const first = this.#count;
    this.#pieces.push({ start, sizeBytes, entriesBefore });
    this.#count += count;
    this.#sizeBytes += sizeBytes;
    return first;
  }

  /** Whether so many bytes can be so many values, as far as that can be told without decoding them. */
  #mayHold(count: number, sizeBytes: number): boolean {
    const width = this.#width;
    return width === 0 ? sizeBytes >= count * LENGTH_BYTES : sizeBytes === count * width;
  }
}
