/** `files`: the live files of a table. */

import { isoTime, type JsonValue } from '../../base/index.ts';
import {
  type ColumnStatistics,
  findField,
  fromScalar,
  type Row,
  type RowValue,
  type StructType,
} from '../../schema/index.ts';
import type { TableFile } from '../../table/index.ts';
import { openEnvironment, travelOf, type TravelCommandOptions } from '../environment.ts';
import { bytesText, cellText, printObject, printRows, toJson, WIDE } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface FilesCommandOptions extends CommonOptions, TravelCommandOptions {
  readonly where?: string;
}

export async function run(text: string, options: FilesCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `reading the log of ${text}`);
  try {
    const table = await environment.openTable(text, travelOf(options));
    const { schema } = table.snapshot;
    const files = table.files(options.where === undefined ? {} : { where: options.where });
    if (options.json === true) {
      for (const file of files) await printObject(describe(file, schema));
      return;
    }
    await printRows(['path', 'partition', 'size', 'rows', 'statistics'], rows(files, schema), WIDE);
  } finally {
    await environment.close();
  }
}

async function* rows(files: Iterable<TableFile>, schema: StructType): AsyncGenerator<Row> {
  for (const file of files) {
    yield {
      path: file.path,
      partition: Object.entries(file.partition)
        .map(([name, value]) => `${name}=${cellText(value)}`)
        .join(' '),
      size: bytesText(file.sizeBytes),
      rows: file.rowCount,
      statistics: [...rangesOf(file, schema)]
        .map(([name, low, high]) => `${name}: ${cellText(low)} … ${cellText(high)}`)
        .join('; '),
    };
  }
}

function describe(file: TableFile, schema: StructType): JsonValue {
  const nulls = [...(file.statistics?.columns ?? [])].flatMap(([name, { nullCount }]) =>
    nullCount === null ? [] : [[name, nullCount] as const],
  );
  return {
    path: file.path,
    uri: file.uri,
    partition: toJson(file.partition),
    bytes: file.sizeBytes,
    modified: isoTime(file.modifiedMs),
    rows: file.rowCount,
    ranges: Object.fromEntries(
      [...rangesOf(file, schema)].map(([name, low, high]) => [name, [toJson(low), toJson(high)]]),
    ),
    nulls: Object.fromEntries(nulls),
  };
}

/** Top-level columns with both bounds. */
function* rangesOf(
  file: TableFile,
  schema: StructType,
): Generator<readonly [name: string, low: RowValue, high: RowValue]> {
  const columns: ReadonlyMap<string, ColumnStatistics> = file.statistics?.columns ?? new Map();
  for (const [name, { min, max }] of columns) {
    const field = findField(schema, name);
    if (field !== null && min !== null && max !== null) {
      yield [name, fromScalar(min, field.type), fromScalar(max, field.type)];
    }
  }
}
