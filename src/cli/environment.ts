/**
 * What the commands work with: the real clock, chance, stores and engine, and the configuration where there is one; what
 * only that takes is loaded with it.
 */

import { existsSync } from 'node:fs';

import { systemClock, systemRandom } from '../base/index.ts';
import type { Catalog, TableInput, TableName } from '../catalog/index.ts';
import type { Config, JobContext } from '../jobs/index.ts';
import {
  DeltaTable,
  strangerOf,
  type TableTools,
  tableTools,
  type TravelOptions,
} from '../table/index.ts';
import { configMissing, databaseMissing, tableUnknown } from './errors.ts';
import { type Interrupt, listenForInterrupt } from './interrupt.ts';
import { printError } from './output.ts';
import type { CommonOptions } from './program.ts';
import { endProgress, showProgress } from './progress.ts';

const CONFIG_FILE = 'deltawright.config.ts';

export class Environment {
  readonly tools: TableTools;
  readonly #interrupt: Interrupt = listenForInterrupt();
  readonly #config: Config | null;
  #catalog: Catalog | null = null;

  constructor(tools: TableTools, config: Config | null) {
    this.tools = tools;
    this.#config = config;
  }

  /** Aborted when the user or a scheduler wants the command to stop. */
  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Aborted by the first signal; `signal` then follows after the time that `allowGrace` gave. */
  get stop(): AbortSignal {
    return this.#interrupt.stop;
  }

  /** Work that ends in good order by `stop` has so much time for it. */
  allowGrace(graceMs: number): void {
    this.#interrupt.graceMs = graceMs;
  }

  /** `CONFIG_NEEDED` where no configuration was given or found. */
  requireConfig(): Config {
    if (this.#config === null) throw configMissing(CONFIG_FILE);
    return this.#config;
  }

  /** The catalog of the configuration. */
  async catalog(): Promise<Catalog> {
    this.#catalog ??= await openCatalog(this.requireConfig(), this.tools);
    return this.#catalog;
  }

  async jobContext(): Promise<JobContext> {
    return { ...this.tools, catalog: await this.catalog(), secret: secretFromEnvironment };
  }

  /** The name in full: a table without a database is in the one of the configuration. */
  nameOf(text: string): TableName {
    const dot = text.indexOf('.');
    if (dot > 0) return { database: text.slice(0, dot), table: text.slice(dot + 1) };
    if (this.#config === null) throw databaseMissing(text);
    return { database: this.#config.database, table: text };
  }

  /** Where a table that is to be made goes: below the lake, unless it is a place itself. */
  placeFor(text: string): string {
    if (isLocation(text)) return text;
    const { database, table } = this.nameOf(text);
    return `${this.requireConfig().lake.location}/${database}/${table}`;
  }

  /** Where a table is: a path or a URI is taken as it stands, anything else is looked up in the catalog. */
  async locate(text: string): Promise<string> {
    if (isLocation(text)) return text;
    const name = this.nameOf(text);
    const entry = await (await this.catalog()).getTable(name);
    if (entry === null) throw tableUnknown(`${name.database}.${name.table}`);
    return this.locationOf(entry);
  }

  /** The table behind an entry; a virtual one is over the manifest of the table that holds it. */
  locationOf({ StorageDescriptor }: TableInput): string {
    const { Location, SerdeInfo } = StorageDescriptor;
    return SerdeInfo.Parameters['path'] ?? Location.replace(/\/_symlink_format_manifest$/, '');
  }

  async openTable(text: string, options: TravelOptions = {}): Promise<DeltaTable> {
    return DeltaTable.open(this.tools, await this.locate(text), options);
  }

  /** As `openTable`; says on standard error where the last to commit is no engine to write beside. */
  async openTableToWrite(text: string): Promise<DeltaTable> {
    const table = await this.openTable(text);
    const stranger = strangerOf(this.tools.openStore(table.uri), table.snapshot);
    if (stranger !== null) {
      printError(`warning: ${stranger.code}: ${stranger.message}; ${stranger.cure}`);
    }
    return table;
  }

  async close(): Promise<void> {
    endProgress();
    this.#interrupt.release();
    await this.tools.close();
  }
}

/**
 * Loads the configuration that was named, or the one of the working folder where there is one. `doing` is shown on a
 * terminal where it takes long.
 */
export async function openEnvironment(options: CommonOptions, doing: string): Promise<Environment> {
  showProgress(doing);
  const file = options.config ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : null);
  const config = file === null ? null : await (await import('../jobs/index.ts')).loadConfig(file);
  const dynamoDb = config?.lake.dynamoDb;
  const tools = tableTools({
    clock: systemClock,
    random: systemRandom,
    ...(dynamoDb === undefined ? {} : { dynamoDb }),
  });
  return new Environment(tools, config);
}

/** A table by its place, not by its name: `./x`, `/data/x`, `x/y`, `s3://bucket/x`. */
export function isLocation(text: string): boolean {
  return text.includes('/') || text === '.' || text === '..';
}

/** Options of the commands that read a table as it was. */
export interface TravelCommandOptions {
  readonly version?: number;
  readonly timestamp?: string;
}

export function travelOf({ version, timestamp }: TravelCommandOptions): TravelOptions {
  return {
    ...(version === undefined ? {} : { version }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}

async function secretFromEnvironment(secret: string | { readonly env: string }): Promise<string> {
  if (typeof secret === 'string') return secret;
  const value = process.env[secret.env] ?? '';
  if (value === '') throw (await import('../jobs/index.ts')).secretMissing(secret.env);
  return value;
}

async function openCatalog({ catalog }: Config, tools: TableTools): Promise<Catalog> {
  const { clock, random } = tools;
  const { fileCatalog, glueCatalog } = await import('../catalog/index.ts');
  if (catalog.kind === 'file') {
    return fileCatalog(tools.openStore(catalog.location), { clock, random });
  }
  return glueCatalog({
    clock,
    random,
    ...(catalog.region === null ? {} : { region: catalog.region }),
  });
}
