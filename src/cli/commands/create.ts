/** `create`: a new table. */

import { DeltaTable, type Preset } from '../../table/index.ts';
import { isLocation, openEnvironment } from '../environment.ts';
import { print, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';
import { registerTable } from '../register-table.ts';

export interface CreateCommandOptions extends CommonOptions {
  readonly schema: string;
  readonly partitionBy?: readonly string[];
  readonly property: Readonly<Record<string, string>>;
  readonly preset?: Preset;
  readonly ifNotExists?: boolean;
  readonly description?: string;
}

export async function run(text: string, options: CreateCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `creating ${text}`);
  try {
    const table = await DeltaTable.create(environment.tools, environment.placeFor(text), {
      schema: options.schema,
      properties: options.property,
      ...(options.preset === undefined ? {} : { preset: options.preset }),
      ifNotExists: options.ifNotExists ?? false,
      ...(options.partitionBy === undefined ? {} : { partitionBy: options.partitionBy }),
      ...(options.description === undefined ? {} : { description: options.description }),
    });
    const { version } = table.snapshot;
    if (!isLocation(text))
      await registerTable(environment, table, { native: environment.nameOf(text) });
    if (options.json === true) await printObject({ table: table.uri, version });
    else await print(`${table.uri}: version ${version}`);
  } finally {
    await environment.close();
  }
}
