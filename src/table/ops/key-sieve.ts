/**
 * The keys of a batch, looked for in files without the engine. Loading it costs more than to look through some hundred
 * thousand keys; where there are more, the engine does the work. Keys are compared whole.
 */

import { isUtf8 } from 'node:buffer';

import { matchField } from '../../engine/index.ts';
import {
  KeySet,
  localFileSource,
  type ParquetFooter,
  readKeys,
  scanKeys,
  storeSource,
} from '../../parquet/index.ts';
import { BINARY, STRING, type StructField, typesEqual } from '../../schema/index.ts';
import { totalOf } from './append-commit.ts';
import { inParallel } from './append-stage.ts';
import { type StoredFile, storedFooter } from './input-stage.ts';
import type { PreparedInput } from './input-types.ts';

/** Bytes of files from which on the engine is cheaper, whatever the loading costs: some hundred thousand rows. */
const SIEVE_BYTES_MAX = 32 * 1024 * 1024;
/** Memory for the keys of a batch, as its footers let expect; the engine, which can spill, takes larger ones. */
const KEYS_BYTES_MAX = 64 * 1024 * 1024;
/** What a key takes beside its bytes: slots, hashes and bits of the set, and its place. */
const BYTES_PER_KEY = 48;
/** Each holds a few pieces of its column in memory. */
const SCANS_MAX = 4;

/** Rows by the number of their input. */
type RowsByInput = Map<number, number[]>;

export class KeySieve {
  readonly #field: StructField;
  readonly #set = new KeySet();
  /** Of each input the number of its first key: keys are numbered in the order of the rows that they came with first. */
  readonly #firstKeys: number[] = [];
  /** Of each key the row that it came with first. */
  #rows = new Int32Array(1024);
  /** Of each key whether a file that was looked through has it. */
  #found = new Uint8Array(0);
  readonly #droppedCounts = new Map<number, number>();
  #news: RowsByInput = new Map();

  private constructor(field: StructField) {
    this.#field = field;
  }

  /** Whether files are so small that a sieve is cheaper than the engine. */
  static isCheap(sizesBytes: Iterable<number>): boolean {
    return totalOf(sizesBytes, (sizeBytes) => sizeBytes) <= SIEVE_BYTES_MAX;
  }

  /**
   * The keys of the inputs, by a column whose values are byte strings; of rows with one key all but the first are dropped. Null
   * where the engine has to look: more keys than fit into bounded memory, rows without a key, columns of other types, pages that
   * cannot be read here, texts that are none. Errors: those of `readKeys`.
   */
  static async read(
    inputs: readonly PreparedInput[],
    keys: readonly StructField[],
  ): Promise<KeySieve | null> {
    const [field, ...others] = keys;
    if (field === undefined || others.length > 0) return null;
    if (!typesEqual(field.type, STRING) && !typesEqual(field.type, BINARY)) return null;
    const expectedBytes = totalOf(inputs, ({ footer }) => keyBytesAtMost(footer, field));
    if (expectedBytes > KEYS_BYTES_MAX) return null;
    const sieve = new KeySieve(field);
    for (const [number, input] of inputs.entries()) {
      if (!(await sieve.#take(number, input))) return null;
    }
    return sieve;
  }

  /**
   * Drops the rows whose key is in one of the files: says how many that were not dropped before, and which files could not be
   * looked through to their end. Errors: those of `scanKeys`, `PARQUET_UNREADABLE`.
   */
  async dropExisting<T extends { readonly file: StoredFile }>(
    files: readonly T[],
    signal?: AbortSignal,
  ): Promise<{ readonly count: number; readonly unread: readonly T[] }> {
    if (this.#found.length === 0) this.#found = new Uint8Array(this.#set.size);
    let count = 0;
    const unread = await inParallel(files, SCANS_MAX, async (it) => {
      signal?.throwIfAborted();
      const isWhole = await this.#scan(it.file, (key) => {
        if (this.#found[key] === 1) return;
        this.#found[key] = 1;
        count += 1;
        this.#drop(this.#inputOf(key), this.#rows[key] ?? 0);
      });
      return isWhole ? [] : [it];
    });
    return { count, unread: unread.flat() };
  }

  /** How many rows of each input with any have been dropped, by its number. */
  get droppedCounts(): ReadonlyMap<number, number> {
    return this.#droppedCounts;
  }

  /** The rows that were dropped since the last call. */
  takeDropped(): ReadonlyMap<number, readonly number[]> {
    const news = this.#news;
    this.#news = new Map();
    return news;
  }

  /** Whether all rows of an input have a key, and all keys could be read. */
  async #take(number: number, { parquet, footer, badKeyCount }: PreparedInput): Promise<boolean> {
    const node = matchField(this.#field, footer.columns, 'none');
    const isText = typesEqual(this.#field.type, STRING);
    if (node === null || badKeyCount > 0) return false;
    if ((node.logicalType?.kind ?? null) !== (isText ? 'string' : null)) return false;
    const source = storeSource(parquet.store, parquet.path, parquet);
    this.#firstKeys.push(this.#set.size);
    let keyCount = 0;
    let allText = true;
    const scan = await readKeys(source, footer, node.name, (row, bytes, start, end) => {
      keyCount += 1;
      if (isText && allText) allText = isUtf8(bytes.subarray(start, end));
      const key = this.#set.size;
      if (this.#set.add(bytes, start, end)) this.#place(key, row);
      else this.#drop(number, row);
    });
    return scan.kind === 'scanned' && allText && keyCount === footer.rowCount;
  }

  #place(key: number, row: number): void {
    if (key === this.#rows.length) {
      const rows = new Int32Array(key * 2);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows[key] = row;
  }

  #drop(input: number, row: number): void {
    this.#droppedCounts.set(input, (this.#droppedCounts.get(input) ?? 0) + 1);
    const rows = this.#news.get(input);
    if (rows === undefined) this.#news.set(input, [row]);
    else rows.push(row);
  }

  /** The input whose row a key came with first. */
  #inputOf(key: number): number {
    return this.#firstKeys.findLastIndex((first) => first <= key);
  }

  async #scan(file: StoredFile, onHit: (key: number) => void): Promise<boolean> {
    const footer = await storedFooter(file);
    const node = matchField(this.#field, footer.columns, 'none');
    if (node === null) return true;
    const localFile = file.store.localFile(file.path);
    const options = { set: this.#set, onHit };
    if (localFile === null) {
      const source = storeSource(file.store, file.path, file);
      return (await scanKeys(source, footer, node.name, options)).kind === 'scanned';
    }
    const source = await localFileSource(localFile);
    try {
      return (await scanKeys(source, footer, node.name, options)).kind === 'scanned';
    } finally {
      await source.close();
    }
  }
}

/** Memory that the keys of a file may take. No chunk gives more different values than its pages have bytes. */
function keyBytesAtMost({ rowGroups, rowCount }: ParquetFooter, { name }: StructField): number {
  const chunkBytes = totalOf(rowGroups, ({ columns }) => {
    const chunk = columns.find(({ path }) => path[0]?.toLowerCase() === name.toLowerCase());
    return chunk?.uncompressedBytes ?? 0;
  });
  // The memory for the bytes grows by doubling.
  return chunkBytes * 2 + rowCount * BYTES_PER_KEY;
}
