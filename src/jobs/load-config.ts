/** Loads a configuration file: a module, in TypeScript or JavaScript, that exports what `defineConfig` was given. */

import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { parseConfig } from './config.ts';
import type { Config } from './job.ts';
import { configBroken, configNoExport, configNotFound } from './errors.ts';

/**
 * Loads and checks the file; relative locations in it are below its folder. Node strips its types by itself. Errors:
 * `CONFIG_NOT_FOUND`, `CONFIG_BROKEN`, `CONFIG_NO_EXPORT`, and those of `parseConfig`.
 */
export async function loadConfig(file: string): Promise<Config> {
  const path = resolve(file);
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) throw configNotFound(path);
  return parseConfig(await importDefault(path), dirname(path));
}

async function importDefault(path: string): Promise<unknown> {
  let exported: object;
  try {
    exported = (await import(pathToFileURL(path).href)) as object;
  } catch (error) {
    throw configBroken(path, error);
  }
  if (!('default' in exported)) throw configNoExport(path);
  return exported.default;
}
