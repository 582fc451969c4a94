/** Columns that the folders of files name, as Hive lays tables out. */

import {
  DATE,
  type DataType,
  hivePartition,
  LONG,
  parsePartitionValue,
  STRING,
  type StructType,
} from '../../schema/index.ts';
import { convertFileUnfit } from './housekeeping-errors.ts';

/** The columns and values that the folders of a file name, from the outside in. `CONVERT_FILE_UNFIT` for a folder that names none. */
export function folderPartition(path: string): readonly (readonly [string, string | null])[] {
  const folders = path.split('/').slice(0, -1);
  const values = hivePartition(path);
  if (values.size < folders.length) {
    const odd = folders.find((folder) => folder.indexOf('=') <= 0) ?? folders.join('/');
    throw convertFileUnfit(
      path,
      `the folder ${odd} names no partition as column=value, or one twice`,
    );
  }
  return [...values];
}

/**
 * The columns that the folders of the first file name, with the narrowest of the types date, bigint and string that the values of all files have:
 * only texts that come back as they are are numbers, so that `007` stays one. Errors: `CONVERT_FILE_UNFIT`.
 */
export function inferPartitions(paths: readonly string[]): StructType {
  const [first = ''] = paths;
  const texts = new Map(folderPartition(first).map(([name]) => [name, new Set<string>()]));
  for (const path of paths) {
    for (const [name, value] of folderPartition(path)) {
      if (value !== null) texts.get(name)?.add(value);
    }
  }
  const fields = Array.from(texts, ([name, values]) => ({
    name,
    type: typeOf(values),
    nullable: true,
    metadata: {},
  }));
  return { kind: 'struct', fields };
}

function typeOf(values: ReadonlySet<string>): DataType {
  if (values.size === 0) return STRING;
  if ([...values].every((text) => /^\d{4}-\d\d-\d\d$/.test(text) && isDate(text))) return DATE;
  return [...values].every(isWhole) ? LONG : STRING;
}

function isDate(text: string): boolean {
  try {
    parsePartitionValue(text, DATE);
    return true;
  } catch {
    // A text that only looks like one.
    return false;
  }
}

function isWhole(text: string): boolean {
  return /^(?:0|-?[1-9]\d{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}
