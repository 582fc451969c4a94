/** Keys of a Parquet file without an engine: only the bytes of one column are read, and nothing is made of its values. */

import {
  keyPages,
  LENGTH_BYTES,
  type PlainValues,
  UnreadablePage,
  whyUnreadable,
} from './key-pages.ts';
import type { KeyPage } from './key-pages.ts';
import type { KeySet } from './key-set.ts';
import { isText } from './bound.ts';
import type { ByteSource, ColumnChunk, ParquetFooter, ParquetNode } from './types.ts';

/** `unsupported`: the column, or how it is written, is none of these; what was reported before that stands. */
export type KeyScan =
  { readonly kind: 'scanned' } | { readonly kind: 'unsupported'; readonly reason: string };

/** The key of a row, in the bytes `start` (inclusive) to `end` (exclusive), which are valid during the call. */
export type KeyVisitor = (row: number, bytes: Uint8Array, start: number, end: number) => void;

/**
 * Calls `visit` with the key of each row that is not null, in order, rows counted from 0 in the file: the values of
 * `column`, a flat top-level column of byte strings. A file without that column has no keys.
 *
 * Read are plain and dictionary encodings in pages of both versions, not compressed or by snappy, gzip or zstd. Memory is
 * bounded by the longest page and dictionary, or the pieces that are fetched at once. Errors: those of the source,
 * `PARQUET_TRUNCATED`, `PARQUET_CORRUPT_DATA`.
 */
export async function readKeys(
  source: ByteSource,
  footer: ParquetFooter,
  column: string,
  visit: KeyVisitor,
): Promise<KeyScan> {
  return scanPages(source, footer, { column }, ({ rowCount, values, entries }, firstRow) => {
    const { bytes } = values;
    const offsets = values.offsets();
    const numbers = entries();
    for (let row = 0; row < rowCount; row += 1) {
      const number = numbers === null ? row : (numbers[row] ?? -1);
      if (number < 0) continue;
      const start = (offsets[number] ?? 0) + LENGTH_BYTES;
      visit(firstRow + row, bytes, start, offsets[number + 1] ?? start);
    }
  });
}

/**
 * Calls `onHit` for each row whose key is in `set`, in order: with the number of the key there, and the row's in the file.
 * Row groups and pages that cannot have such a row are passed over, as far as bounds and dictionaries tell. Else as
 * `readKeys`.
 */
export async function scanKeys(
  source: ByteSource,
  footer: ParquetFooter,
  column: string,
  { set, onHit }: { readonly set: KeySet; readonly onHit: (key: number, row: number) => void },
): Promise<KeyScan> {
  if (set.size === 0) return { kind: 'scanned' };
  let probed: PlainValues | null = null;
  let keys: Int32Array | null = null;
  const mayHold = (node: ParquetNode, chunk: ColumnChunk): boolean =>
    !footer.typeDefinedOrder || boundsMeet(set, node, chunk);
  return scanPages(
    source,
    footer,
    { column, mayHold },
    ({ rowCount, values, entries }, firstRow) => {
      // A dictionary is the same for page after page.
      if (values !== probed) {
        probed = values;
        keys = keysAmong(set, values);
      }
      if (keys === null) return;
      const numbers = entries();
      for (let row = 0; row < rowCount; row += 1) {
        const number = numbers === null ? row : (numbers[row] ?? -1);
        const key = number < 0 ? -1 : (keys[number] ?? -1);
        if (key >= 0) onHit(key, firstRow + row);
      }
    },
  );
}

interface ScanOptions {
  readonly column: string;
  /** Whether a row group may hold what is looked for. Default: all may. */
  readonly mayHold?: (node: ParquetNode, chunk: ColumnChunk) => boolean;
}

async function scanPages(
  source: ByteSource,
  footer: ParquetFooter,
  { column, mayHold = () => true }: ScanOptions,
  take: (page: KeyPage, firstRow: number) => void,
): Promise<KeyScan> {
  const node = footer.columns.find(({ name }) => name === column);
  if (node === undefined) return { kind: 'scanned' };
  if (node.physicalType === null) return unsupported('it is no column of values');
  const chunks = footer.rowGroups.map(({ columns }) =>
    columns.find(({ path }) => path.length === 1 && path[0] === column),
  );
  for (const chunk of chunks) {
    const reason = chunk === undefined ? null : whyUnreadable(node, chunk);
    if (reason !== null) return unsupported(reason);
  }
  let firstRow = 0;
  for (const [index, rowGroup] of footer.rowGroups.entries()) {
    const chunk = chunks[index];
    let row = firstRow;
    firstRow += rowGroup.rowCount;
    if (chunk === undefined || !mayHold(node, chunk)) continue;
    try {
      for await (const page of keyPages(source, { node, rowGroup, chunk })) {
        take(page, row);
        row += page.rowCount;
      }
    } catch (error) {
      if (error instanceof UnreadablePage) return unsupported(error.message);
      throw error;
    }
  }
  return { kind: 'scanned' };
}

function unsupported(reason: string): KeyScan {
  return { kind: 'unsupported', reason };
}

/** Of each value the number of its key, -1 where it is none; null where all are none. */
function keysAmong(set: KeySet, values: PlainValues): Int32Array | null {
  let keys: Int32Array | null = null;
  values.findEach(set, (index, key) => {
    keys ??= new Int32Array(values.count).fill(-1);
    keys[index] = key;
  });
  return keys;
}

/** False where the bounds of a chunk prove that it has no key of the set. Texts are in the order of their bytes. */
function boundsMeet(set: KeySet, node: ParquetNode, { statistics }: ColumnChunk): boolean {
  if (statistics === null || !isText(node)) return true;
  const { min, max } = statistics;
  if (min === null || max === null) return true;
  const bounds = set.bounds();
  return Buffer.compare(bounds.min, max) <= 0 && Buffer.compare(bounds.max, min) >= 0;
}
