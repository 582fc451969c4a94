/** `changes`: the rows that changed between two versions. */

import { CHANGE_COLUMNS } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { printRows, type RowFormat } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface ChangesCommandOptions extends CommonOptions {
  readonly from: number;
  readonly to?: number;
  readonly format: RowFormat;
}

export async function run(text: string, options: ChangesCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `reading the changes of ${text}`);
  try {
    const { from: fromVersion, to } = options;
    const table = await environment.openTable(text, to === undefined ? {} : { version: to });
    const rows = table.readChanges({ fromVersion, signal: environment.signal });
    const names = [...table.snapshot.schema.fields, ...CHANGE_COLUMNS].map(({ name }) => name);
    await printRows(names, rows, { format: options.json === true ? 'ndjson' : options.format });
  } finally {
    await environment.close();
  }
}
