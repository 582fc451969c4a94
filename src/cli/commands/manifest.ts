/** `manifest`: brings a symlink manifest up to date. */

import { openEnvironment } from '../environment.ts';
import { counted, print, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface ManifestCommandOptions extends CommonOptions {
  readonly full?: boolean;
}

export async function run(text: string, options: ManifestCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `writing the manifest of ${text}`);
  try {
    const table = await environment.openTable(text);
    const { version, written } = await table.generateManifest({ full: options.full ?? false });
    if (options.json === true) await printObject({ version, written });
    else if (written === 0) await print(`current, of version ${version}`);
    else await print(`${counted(written, 'manifest')} written, of version ${version}`);
  } finally {
    await environment.close();
  }
}
