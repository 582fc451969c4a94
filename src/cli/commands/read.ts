/** `read`: the rows of a table. */

import { openEnvironment, travelOf, type TravelCommandOptions } from '../environment.ts';
import { printRows, type RowFormat } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface ReadCommandOptions extends CommonOptions, TravelCommandOptions {
  readonly where?: string;
  readonly columns?: readonly string[];
  readonly limit?: number;
  readonly format: RowFormat;
}

export async function run(text: string, options: ReadCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `reading ${text}`);
  try {
    const table = await environment.openTable(text, travelOf(options));
    const { columns, where, limit } = options;
    const rows = table.scan({
      signal: environment.signal,
      ...(columns === undefined ? {} : { columns }),
      ...(where === undefined ? {} : { where }),
      ...(limit === undefined ? {} : { limit }),
    });
    const names = columns ?? table.snapshot.schema.fields.map((field) => field.name);
    await printRows(names, rows, { format: options.json === true ? 'ndjson' : options.format });
  } finally {
    await environment.close();
  }
}
