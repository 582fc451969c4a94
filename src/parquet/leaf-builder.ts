/**
 * Leaves that are put together value by value, for rows that are known as objects: nothing between the values and the pages but
 * one buffer each. Levels are those of the format (Dremel, as parquet-format has it).
 */

import { present } from '../base/index.ts';
import { ChunkEncoder } from './chunk-encoder.ts';
import { type LeafChunk, openLeaf } from './leaf-chunk.ts';
import type { LeafPiece, LeafValues } from './leaf-values.ts';
import type { ParquetNode } from './types.ts';

const ENTRIES_MIN = 1024;
const BYTES_MIN = 64 * 1024;

/** The levels of a leaf that does not repeat. */
class Definitions {
  #levels = new Uint8Array(ENTRIES_MIN);
  #isWhole = true;
  count = 0;

  /** `level` is null where the value is there. */
  append(level: number | null, max: number): void {
    if (this.count === this.#levels.length) this.#levels = grown(this.#levels);
    this.#levels[this.count] = level ?? max;
    if (level !== null) this.#isWhole = false;
    this.count += 1;
  }

  finish(): Uint8Array | null {
    return this.#isWhole ? null : this.#levels.subarray(0, this.count);
  }

  clear(): void {
    this.#isWhole = true;
    this.count = 0;
  }
}

/** Texts. */
export class TextLeaf {
  readonly #max: number;
  readonly #definitions = new Definitions();
  #bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
  #end = 0;
  #offsets = new Int32Array(ENTRIES_MIN);

  /** `max` is the definition level of a text that is there. */
  constructor(max: number) {
    this.#max = max;
  }

  get sizeBytes(): number {
    return this.#end;
  }

  append(text: string): void {
    // No character takes more than three bytes for each of its units.
    const most = this.#end + text.length * 3;
    if (most > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, most));
      larger.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = larger;
    }
    if (text !== '') this.#end += this.#bytes.write(text, this.#end);
    this.#next(null);
  }

  /** No text: there are so many levels of what would hold it. */
  appendNull(level: number): void {
    this.#next(level);
  }

  finish(): LeafPiece {
    const { count } = this.#definitions;
    const offsets = this.#offsets.subarray(0, count + 1);
    const bytes = this.#bytes.subarray(0, this.#end);
    return pieceOf({ bytes, offsets, stride: 0, width: 0, numbers: null }, this.#definitions);
  }

  /** Begins anew, in the same memory: what `finish` gave is no longer valid. */
  clear(): void {
    this.#definitions.clear();
    this.#end = 0;
  }

  #next(level: number | null): void {
    this.#definitions.append(level, this.#max);
    const { count } = this.#definitions;
    if (count === this.#offsets.length) this.#offsets = grown(this.#offsets);
    this.#offsets[count] = this.#end;
  }
}

/** Texts as a chunk of a file that is nowhere: compressed, and decoded where they are asked for. */
export function textChunk(
  texts: TextLeaf,
  {
    path,
    level,
    file,
  }: { readonly path: readonly string[]; readonly level: number; readonly file: string },
): LeafChunk {
  const node: ParquetNode = {
    name: path.at(-1) ?? '',
    repetition: 'OPTIONAL',
    physicalType: 'BYTE_ARRAY',
    typeLength: null,
    logicalType: { kind: 'string' },
    fieldId: null,
    children: [],
  };
  const encoder = new ChunkEncoder('snappy');
  const leaf = { path, node, definition: level, repetition: 0 };
  const { chunk, parts } = encoder.encode(leaf, [texts.finish()]);
  const bytes = Buffer.concat(parts);
  const levels = { definitionMax: level, repetitionMax: 0, itemDefinition: 0 };
  const read = (start: number, end: number): Uint8Array => bytes.subarray(start, end);
  const opened = openLeaf({ leaf: { path, node, ...levels }, chunk, bytes: { read }, file });
  return present(opened, 'the pages of a chunk that was just encoded');
}

/** Integers of 4 or 8 bytes. */
export class NumberLeaf {
  readonly #max: number;
  readonly #width: 4 | 8;
  readonly #definitions = new Definitions();
  #words = new Int32Array(ENTRIES_MIN);

  constructor(max: number, width: 4 | 8) {
    this.#max = max;
    this.#width = width;
  }

  append(value: number | bigint): void {
    const { count } = this.#definitions;
    this.#definitions.append(null, this.#max);
    this.#reserve();
    if (this.#width === 4) this.#words[count] = Number(value);
    else if (typeof value === 'bigint') {
      this.#words[count * 2] = Number(BigInt.asIntN(32, value));
      this.#words[count * 2 + 1] = Number(BigInt.asIntN(32, value >> 32n));
    } else {
      const high = Math.floor(value / WORD);
      this.#words[count * 2] = value - high * WORD;
      this.#words[count * 2 + 1] = high;
    }
  }

  /** No number: there are so many levels of what would hold it. */
  appendNull(level: number): void {
    this.#definitions.append(level, this.#max);
    this.#reserve();
  }

  finish(): LeafPiece {
    const width = this.#width;
    const bytes = new Uint8Array(this.#words.buffer, 0, this.#definitions.count * width);
    return pieceOf(
      { bytes, offsets: null, stride: width, width, numbers: null },
      this.#definitions,
    );
  }

  /** As that of `TextLeaf`. */
  clear(): void {
    this.#definitions.clear();
  }

  #reserve(): void {
    if (this.#definitions.count * 2 > this.#words.length) this.#words = grown(this.#words);
  }
}

const WORD = 2 ** 32;

const NO_TEXT = -1;
/** Maps that are known again. */
const KNOWN_MAX = 65_536;

/** The keys and values of a map of texts, whose values may be null. */
export class TextMapLeaf {
  /** Definition level of a map that is there, and has no entries. */
  readonly #empty: number;
  #keys = new Texts();
  #values = new Texts();
  readonly #known = new Map<object, readonly number[]>();
  #repetitions = new Uint8Array(ENTRIES_MIN);
  #keyLevels = new Uint8Array(ENTRIES_MIN);
  #valueLevels = new Uint8Array(ENTRIES_MIN);
  #count = 0;

  constructor(empty: number) {
    this.#empty = empty;
  }

  append(map: Readonly<Record<string, string | null>>): void {
    const entries = this.#entriesOf(map);
    if (entries.length === 0) this.#next(0, this.#empty, this.#empty);
    const held = this.#empty + 1;
    for (let at = 0; at < entries.length; at += 2) {
      const [key = 0, value = NO_TEXT] = [entries[at], entries[at + 1]];
      this.#keys.append(this.#count, key);
      if (value !== NO_TEXT) this.#values.append(this.#count, value);
      this.#next(Math.min(at, 1), held, value === NO_TEXT ? held : held + 1);
    }
  }

  /** No map. */
  appendNull(): void {
    this.#next(0, this.#empty - 1, this.#empty - 1);
  }

  finish(): { readonly keys: LeafPiece; readonly values: LeafPiece } {
    const count = this.#count;
    const repetitions = this.#repetitions.subarray(0, count);
    const piece = (texts: Texts, levels: Uint8Array): LeafPiece => ({
      values: texts.finish(),
      count,
      definitions: levels.subarray(0, count),
      repetitions,
      places: null,
    });
    return {
      keys: piece(this.#keys, this.#keyLevels),
      values: piece(this.#values, this.#valueLevels),
    };
  }

  /** As that of `TextLeaf`; texts and maps are known again. */
  clear(): void {
    this.#count = 0;
    if (this.#known.size < KNOWN_MAX) return;
    this.#known.clear();
    this.#keys = new Texts();
    this.#values = new Texts();
  }

  /** The numbers of each key and its value; many files share one map. */
  #entriesOf(map: Readonly<Record<string, string | null>>): readonly number[] {
    const known = this.#known.get(map);
    if (known !== undefined) return known;
    const entries: number[] = [];
    for (const [key, value] of Object.entries(map)) {
      entries.push(
        this.#keys.numberOf(key),
        value === null ? NO_TEXT : this.#values.numberOf(value),
      );
    }
    if (this.#known.size < KNOWN_MAX) this.#known.set(map, entries);
    return entries;
  }

  #next(repetition: number, keyLevel: number, valueLevel: number): void {
    if (this.#count === this.#repetitions.length) {
      this.#repetitions = grown(this.#repetitions);
      this.#keyLevels = grown(this.#keyLevels);
      this.#valueLevels = grown(this.#valueLevels);
    }
    this.#repetitions[this.#count] = repetition;
    this.#keyLevels[this.#count] = keyLevel;
    this.#valueLevels[this.#count] = valueLevel;
    this.#count += 1;
  }
}

/** Texts that repeat: each once, and a number for each entry that has one. */
class Texts {
  readonly #numbers = new Map<string, number>();
  readonly #texts = new TextLeaf(0);
  #entries = new Int32Array(ENTRIES_MIN);

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    this.#texts.append(text);
    return number;
  }

  append(entry: number, number: number): void {
    while (entry >= this.#entries.length) this.#entries = grown(this.#entries);
    this.#entries[entry] = number;
  }

  finish(): LeafValues {
    return { ...this.#texts.finish().values, numbers: this.#entries };
  }
}

function pieceOf(values: LeafValues, definitions: Definitions): LeafPiece {
  return {
    values,
    count: definitions.count,
    definitions: definitions.finish(),
    repetitions: null,
    places: null,
  };
}

function grown<A extends Uint8Array | Int32Array>(array: A): A;
function grown(array: Uint8Array | Int32Array): Uint8Array | Int32Array {
  if (array instanceof Uint8Array) {
    const larger = new Uint8Array(array.length * 2);
    larger.set(array);
    return larger;
  }
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
