/** Single rows put together from their leaves, where few of many are wanted, without the decoder that makes whole batches. */

import type { ColumnPath } from './byte-range.ts';
import {
  type ChunkBytes,
  chunkOf,
  isReadable,
  leafAt,
  type LeafChunk,
  openLeaf,
} from './leaf-chunk.ts';
import { type Items, LeafReader } from './leaf-reader.ts';
import { listShape, mapShape } from './nesting.ts';
import type { ColumnChunk, ParquetFooter, ParquetNode } from './types.ts';

export interface LeafRowsSource {
  readonly footer: ParquetFooter;
  readonly rowGroup: number;
  /** The columns wanted, as a `Projection` names them. */
  readonly columns: readonly ColumnPath[];
  readonly bytesOf: (chunk: ColumnChunk) => ChunkBytes | Promise<ChunkBytes>;
  /** For messages. */
  readonly file: string;
}

/**
 * The rows of these numbers as `readRows` makes them, but for integers, which are numbers, and for structs without any value,
 * which are null. Null where one of the columns cannot be read here. Errors: those of the bytes, `PARQUET_CORRUPT_DATA`.
 */
export async function readLeafRows(
  from: LeafRowsSource,
  rows: readonly number[],
): Promise<readonly Readonly<Record<string, unknown>>[] | null> {
  const rowCount = from.footer.rowGroups[from.rowGroup]?.rowCount ?? 0;
  const members: Member[] = [];
  for (const column of from.footer.columns) {
    const paths = from.columns.flatMap((path) =>
      (typeof path === 'string' ? path : path[0]) === column.name ? [path] : [],
    );
    if (paths.length === 0) continue;
    const isWanted = (path: readonly string[]): boolean =>
      paths.some(
        (it) => typeof it === 'string' || it.every((name, i) => (path[i] ?? name) === name),
      );
    const read = await new Assembler(from, rowCount, isWanted).reader(column, [column.name]);
    if (read === null) return null;
    members.push({ name: column.name, read });
  }
  return rows.map((row) => Object.fromEntries(members.map(({ name, read }) => [name, read(row)])));
}

type ValueReader = (row: number) => unknown;

interface Member {
  readonly name: string;
  readonly read: ValueReader;
}

class Assembler {
  readonly #from: LeafRowsSource;
  readonly #rowCount: number;
  readonly #isWanted: (path: readonly string[]) => boolean;

  constructor(
    from: LeafRowsSource,
    rowCount: number,
    isWanted: (path: readonly string[]) => boolean,
  ) {
    this.#from = from;
    this.#rowCount = rowCount;
    this.#isWanted = isWanted;
  }

  /** Null where the node, or one below it, cannot be read. */
  async reader(node: ParquetNode, path: readonly string[]): Promise<ValueReader | null> {
    if (node.physicalType !== null) return this.#leaf(path);
    const map = mapShape(node);
    if (map !== null) return this.#map(path, map);
    const list = listShape(node);
    if (list !== null) return list.standard ? this.#list(path, list.element.name) : null;
    if (node.logicalType !== null || node.repetition === 'REPEATED') return null;
    const members: Member[] = [];
    for (const child of node.children) {
      const childPath = [...path, child.name];
      if (!this.#isWanted(childPath)) continue;
      const read = await this.reader(child, childPath);
      if (read === null) return null;
      members.push({ name: child.name, read });
    }
    return (row) => {
      const values = members.map(({ name, read }) => [name, read(row)] as const);
      return values.some(([, value]) => value !== null) ? Object.fromEntries(values) : null;
    };
  }

  async #leaf(path: readonly string[]): Promise<ValueReader | null> {
    const chunk = await this.#open(path);
    if (chunk === null) return null;
    if (chunk.nullCount === chunk.valueCount) return () => null;
    const reader = new LeafReader(chunk);
    const { physicalType } = chunk.leaf.node;
    if (physicalType === 'BYTE_ARRAY') return (row) => reader.text(row);
    const numbers = reader.numbers();
    if (numbers === null) return null;
    return (row) => {
      const number = numbers[row] ?? Number.NaN;
      if (Number.isNaN(number)) return null;
      return physicalType === 'BOOLEAN' ? number === 1 : number;
    };
  }

  async #map(
    path: readonly string[],
    shape: { readonly key: ParquetNode; readonly value: ParquetNode; readonly standard: boolean },
  ): Promise<ValueReader | null> {
    if (!shape.standard) return null;
    const keys = await this.#items([...path, 'key_value', 'key']);
    const values = await this.#items([...path, 'key_value', 'value']);
    if (keys === null || values === null) return null;
    return (row) => {
      if (keys.absent[row] === 1) return null;
      const entries = placesOf(keys, row).map((at) => [
        keys.texts[keys.entries[at] ?? -1] ?? '',
        values.texts[values.entries[at] ?? -1] ?? null,
      ]);
      return Object.fromEntries(entries) as unknown;
    };
  }

  async #list(path: readonly string[], element: string): Promise<ValueReader | null> {
    const items = await this.#items([...path, 'list', element]);
    if (items === null) return null;
    return (row) =>
      items.absent[row] === 1
        ? null
        : placesOf(items, row).map((at) => items.texts[items.entries[at] ?? -1] ?? null);
  }

  async #items(path: readonly string[]): Promise<Items | null> {
    const chunk = await this.#open(path);
    if (chunk === null || chunk.leaf.node.physicalType !== 'BYTE_ARRAY') return null;
    return new LeafReader(chunk).items(this.#rowCount);
  }

  async #open(path: readonly string[]): Promise<LeafChunk | null> {
    const { footer, rowGroup, bytesOf, file } = this.#from;
    const leaf = leafAt(footer.columns, path);
    const chunk = leaf === null ? null : chunkOf(footer, rowGroup, path);
    if (leaf === null || chunk === null || !isReadable(leaf, chunk)) return null;
    return openLeaf({ leaf, chunk, bytes: await bytesOf(chunk), file });
  }
}

function placesOf({ ends }: Items, row: number): readonly number[] {
  const start = row === 0 ? 0 : (ends[row - 1] ?? 0);
  return Array.from({ length: (ends[row] ?? 0) - start }, (_, index) => start + index);
}
