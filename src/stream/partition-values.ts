/** Partition values that stand in a path, as Hive and Spark write them: `date=2026-11-22/name=a%3Ab/part-0.parquet`. */

import { HIVE_DEFAULT_PARTITION } from '../schema/index.ts';
import type { StorePath } from '../store/index.ts';

/** In the order of the path's folders; null where the folder says so. Folders without a `=` are passed over. */
export function partitionValuesOf(path: StorePath): ReadonlyMap<string, string | null> {
  const values = new Map<string, string | null>();
  for (const folder of path.split('/').slice(0, -1)) {
    const at = folder.indexOf('=');
    if (at <= 0) continue;
    const value = folder.slice(at + 1);
    values.set(
      unescapeHive(folder.slice(0, at)),
      value === HIVE_DEFAULT_PARTITION ? null : unescapeHive(value),
    );
  }
  return values;
}

// A percent sign that no two hexadecimal digits follow stands for itself, as Hive has it.
function unescapeHive(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_escape, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
