/** `register`: a table into the catalog. */

import { isManifestEnabled } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { manifestDisabled } from '../errors.ts';
import { print, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';
import { registerTable } from '../register-table.ts';

export interface RegisterCommandOptions extends CommonOptions {
  readonly as: string;
  readonly virtual?: string;
}

export async function run(text: string, options: RegisterCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `registering ${text}`);
  try {
    const table = await environment.openTable(text);
    const native = environment.nameOf(options.as);
    const virtual = options.virtual === undefined ? undefined : environment.nameOf(options.virtual);
    if (virtual !== undefined && !isManifestEnabled(table.snapshot.metadata)) {
      throw manifestDisabled(table.uri);
    }
    await registerTable(environment, table, {
      native,
      ...(virtual === undefined ? {} : { virtual }),
    });
    const names = [native, virtual].flatMap((name) =>
      name === undefined ? [] : [`${name.database}.${name.table}`],
    );
    if (options.json === true) await printObject({ table: table.uri, names });
    else await print(`${table.uri}: ${names.join(', ')}`);
  } finally {
    await environment.close();
  }
}
