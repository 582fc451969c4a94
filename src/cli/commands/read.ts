/** `read`: the rows of a table. */

import { ROW_ID_NAMES } from '../../table/index.ts';
import { openEnvironment, travelOf, type TravelCommandOptions } from '../environment.ts';
import { printRows, type RowFormat } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface ReadCommandOptions extends CommonOptions, TravelCommandOptions {
  readonly where?: string;
  readonly columns?: readonly string[];
  readonly limit?: number;
  readonly rowIds?: boolean;
  readonly format: RowFormat;
}

export async function run(text: string, options: ReadCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `reading ${text}`);
  try {
    const table = await environment.openTable(text, travelOf(options));
    const { columns, where, limit, rowIds = false } = options;
    const rows = table.scan({
      signal: environment.signal,
      rowTracking: rowIds,
      ...(columns === undefined ? {} : { columns }),
      ...(where === undefined ? {} : { where }),
      ...(limit === undefined ? {} : { limit }),
    });
    const names = columns ?? table.snapshot.schema.fields.map((field) => field.name);
    const shown = rowIds ? [...names, ...ROW_ID_NAMES] : names;
    await printRows(shown, rows, { format: options.json === true ? 'ndjson' : options.format });
  } finally {
    await environment.close();
  }
}
