/** The single things that tables share: clock, chance, stores, and the engine, which is loaded at first need. */

import { basename, dirname, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock, Random } from '../base/index.ts';
import type { Engine } from '../engine/index.ts';
import { type ObjectStore, storeProvider, type StoreProviderOptions } from '../store/index.ts';
import type { TableContext } from './types.ts';

export interface TableToolsOptions extends StoreProviderOptions {
  /** Ceiling of the engine's memory, in bytes; beyond it it spills to disk. Default 512 MiB. */
  readonly memoryLimitBytes?: number;
  /** Threads of the engine. Default 2. */
  readonly threads?: number;
  /** Where the engine spills and files are staged. Default: the system's temporary folder. */
  readonly tempDirectory?: string;
}

export interface TableTools {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens the store that is rooted at a URI. */
  readonly openStore: (uri: string) => ObjectStore;
  readonly engine: () => Promise<Engine>;
  readonly resolve: TableContext['resolve'];
  /** Ends the engine and lets go of sockets; tables opened with these tools must be at rest. */
  readonly close: () => Promise<void>;
}

export function tableTools(options: TableToolsOptions): TableTools {
  const stores = storeProvider(options);
  let engine: Promise<Engine> | null = null;
  return {
    clock: options.clock,
    random: options.random,
    openStore: (uri) => stores.open(uri),
    engine: () => {
      engine ??= loadEngine(options);
      return engine;
    },
    resolve: async (uri) => {
      const { root, path } = splitUri(uri);
      return { store: stores.open(root), path };
    },
    close: async () => {
      const opened = engine;
      engine = null;
      await (await opened)?.close();
      await stores.close();
    },
  };
}

async function loadEngine(options: TableToolsOptions): Promise<Engine> {
  const { memoryLimitBytes, threads, tempDirectory } = options;
  const { createEngine } = await import('../engine/index.ts');
  return createEngine({
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    ...(threads === undefined ? {} : { threads }),
    ...(tempDirectory === undefined ? {} : { tempDirectory }),
  });
}

/** What a table needs of the tools. */
export function tableContext(tools: TableTools, store: ObjectStore): TableContext {
  const { clock, random, engine, resolve } = tools;
  return { store, clock, random, engine, resolve };
}

/** The URI or path of one object as a store's root and the path below it. */
function splitUri(uri: string): { readonly root: string; readonly path: string } {
  const [, scheme = '', authority = '', path = ''] =
    /^([a-z][a-z0-9+.-]+):\/\/([^/]*)\/(.*)$/is.exec(uri) ?? [];
  if (scheme !== '' && scheme.toLowerCase() !== 'file') {
    return { root: `${scheme}://${authority}`, path };
  }
  const file = /^file:/i.test(uri) ? fileURLToPath(uri) : resolvePath(uri);
  return { root: dirname(file), path: basename(file) };
}
