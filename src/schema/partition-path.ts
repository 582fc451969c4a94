/**
 * The two layers of escaping between a partition value and a path in the log, each named once:
 * value → (Hive) directory name, which is part of the object's key; key → (URI) path in the log.
 */

import { pathNotEncoded } from './errors.ts';

/** The directory name of a null partition value. */
export const HIVE_DEFAULT_PARTITION = '__HIVE_DEFAULT_PARTITION__';

// What Spark and Hive escape in directory names, and NUL, which no file system takes.
// oxlint-disable-next-line no-control-regex
const HIVE_ESCAPED = /[\u0000-\u001F\u007F"#%'*/:=?\\{[\]^]/g;

/**
 * The directory of a partition, without slashes at its ends: `date=2024-01-01/name=a%3Ab`; empty without columns.
 * `values` are the texts of the log, in the order of `columns`. Directories are decoration: values are never read
 * back from them.
 */
export function partitionPath(
  columns: readonly string[],
  values: readonly (string | null | undefined)[],
): string {
  return columns
    .map((column, index) => `${escapeHive(column)}=${escapeValue(values[index])}`)
    .join('/');
}

/**
 * The partition that the directories of an object's key name, as texts of the log: `a/date=2024-01-01/f.parquet` →
 * `date` → `2024-01-01`. For folders of files that no log describes; a table's own values are those of its log.
 */
export function hivePartition(key: string): ReadonlyMap<string, string | null> {
  const values = new Map<string, string | null>();
  for (const directory of key.split('/').slice(0, -1)) {
    const sign = directory.indexOf('=');
    if (sign <= 0) continue;
    const value = unescapeHive(directory.slice(sign + 1));
    values.set(
      unescapeHive(directory.slice(0, sign)),
      value === HIVE_DEFAULT_PARTITION ? null : value,
    );
  }
  return values;
}

/** One name in Hive's escaping: `a:b` → `a%3Ab`. */
export function escapeHive(name: string): string {
  return name.replace(
    HIVE_ESCAPED,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

// What `java.net.URI` escapes in a path: of what is not ASCII only kinds of space and controls.
const URI_ESCAPED = /["#%<>?[\\\]^`{|}]|\p{Z}|\p{Cc}/gu;

/**
 * The path in the log of an object's key relative to the table (RFC 2396): `p=a%3Ab/x y` → `p=a%253Ab/x%20y`. To the letter
 * as Spark spells it, since its VACUUM compares spellings: it deletes a live file that is called `S%C3%A3o` and not `São`.
 */
export function encodePath(key: string): string {
  // A colon in the first name would make it a URI's scheme.
  return key
    .replace(URI_ESCAPED, encodeURIComponent)
    .replace(/^[^/]*/, (name) => name.replaceAll(':', '%3A'));
}

/**
 * The object's key, or the absolute URI with its key decoded, of a path in the log: decoded exactly once, `+` standing
 * for itself. Errors: `SCHEMA_PATH_ENCODING`.
 */
export function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    // The only reason is a percent sign that no UTF-8 sequence follows; the error names the path.
    throw pathNotEncoded(path);
  }
}

function unescapeHive(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function escapeValue(value: string | null | undefined): string {
  return value === null || value === undefined || value === ''
    ? HIVE_DEFAULT_PARTITION
    : escapeHive(value);
}
