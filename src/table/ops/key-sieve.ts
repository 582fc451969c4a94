/**
 * The keys of a batch, looked for in files without the engine. Loading it costs more than to look through some hundred
 * thousand keys; where there are more, or a key was found, the engine does the work.
 */

import { isUtf8 } from 'node:buffer';

import { matchField } from '../../engine/index.ts';
import { KeySet, readKeys, scanKeys, storeSource } from '../../parquet/index.ts';
import { BINARY, STRING, type StructField, typesEqual } from '../../schema/index.ts';
import { totalOf } from './append-commit.ts';
import { inParallel } from './append-stage.ts';
import { type StoredFile, storedFooter } from './input-stage.ts';
import type { PreparedInput } from './input-types.ts';

/** Bytes of files from which on the engine is cheaper, whatever the loading costs: some hundred thousand rows. */
const SIEVE_BYTES_MAX = 32 * 1024 * 1024;
/** Each holds a few pieces of its column in memory. */
const SCANS_MAX = 4;

export class KeySieve {
  readonly #field: StructField;
  readonly #set = new KeySet();

  private constructor(field: StructField) {
    this.#field = field;
  }

  /** Whether files are so small that a sieve is cheaper than the engine. */
  static isCheap(sizesBytes: Iterable<number>): boolean {
    return totalOf(sizesBytes, (sizeBytes) => sizeBytes) <= SIEVE_BYTES_MAX;
  }

  /**
   * The keys of the inputs, by columns whose values are byte strings. Null where the engine has to look: rows without a key, keys that
   * come twice, columns of other types, pages that cannot be read here, texts that are none.
   * Errors: those of `readKeys`.
   */
  static async read(
    inputs: readonly PreparedInput[],
    keys: readonly StructField[],
  ): Promise<KeySieve | null> {
    const [field, ...others] = keys;
    if (field === undefined || others.length > 0) return null;
    const isText = typesEqual(field.type, STRING);
    if (!isText && !typesEqual(field.type, BINARY)) return null;
    const sieve = new KeySieve(field);
    for (const input of inputs) {
      if (!(await sieve.#take(input, isText))) return null;
    }
    return sieve;
  }

  /** Those of the files that hold one of the keys, or that cannot be looked through here. Errors: those of `scanKeys`. */
  async suspects<T extends { readonly file: StoredFile }>(
    files: readonly T[],
  ): Promise<readonly T[]> {
    const found = await inParallel(files, SCANS_MAX, async (it) =>
      (await this.#isSuspect(it.file)) ? [it] : [],
    );
    return found.flat();
  }

  /** Whether all rows of an input have a key that did not come before. */
  async #take({ parquet, footer, badKeyCount }: PreparedInput, isText: boolean): Promise<boolean> {
    const node = matchField(this.#field, footer.columns, 'none');
    if (node === null || badKeyCount > 0) return false;
    const source = storeSource(parquet.store, parquet.path, parquet);
    const sizeBefore = this.#set.size;
    let allText = true;
    const scan = await readKeys(source, footer, node.name, (_row, bytes, start, end) => {
      this.#set.add(bytes, start, end);
      if (isText && allText) allText = isUtf8(bytes.subarray(start, end));
    });
    const added = this.#set.size - sizeBefore;
    return scan.kind === 'scanned' && allText && added === footer.rowCount;
  }

  async #isSuspect(file: StoredFile): Promise<boolean> {
    const footer = await storedFooter(file);
    const node = matchField(this.#field, footer.columns, 'none');
    if (node === null) return false;
    const source = storeSource(file.store, file.path, file);
    let hit = false;
    const onHit = (): void => {
      hit = true;
    };
    const scan = await scanKeys(source, footer, node.name, { set: this.#set, onHit });
    return hit || scan.kind === 'unsupported';
  }
}
