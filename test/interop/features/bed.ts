/** One warm Spark, delta-rs and DuckDB for all tests of features, and how they are held to what we read. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import {
  createTable,
  type CreateTableSpec,
  type DeltaTable,
  openTable,
  type Row,
} from '../../../src/index.ts';
import { type Checksum, type EngineProcess, startPeers, startSparkForFewRows } from '../engines.ts';

/** What is said of an engine that reads other rows than Spark and we do, without a word. */
export const WRONG_ROWS = 'wrong rows';

/** Engines that must read a table as we do; for one that refuses it, a part of what it says, or that it errs. */
export interface Refusals {
  readonly spark?: string;
  /** delta-rs by its own engine, which knows more than its way through pyarrow. */
  readonly datafusion?: string;
  readonly duckdb?: string;
}

export class FeatureBed {
  readonly #folder: string;
  readonly #tables = new Set<DeltaTable>();
  readonly spark: EngineProcess;
  readonly peers: EngineProcess;

  private constructor(spark: EngineProcess, peers: EngineProcess) {
    this.#folder = mkdtempSync(join(tmpdir(), 'features-'));
    this.spark = spark;
    this.peers = peers;
  }

  static async start(): Promise<FeatureBed> {
    const peers = startPeers();
    const spark = await startSparkForFewRows();
    return new FeatureBed(spark, peers);
  }

  async stop(): Promise<void> {
    await this.closeTables();
    await Promise.all([this.peers.stop(), this.spark.stop()]);
    rmSync(this.#folder, { recursive: true });
  }

  /** A place for a table of this name. */
  place(name: string): string {
    return join(this.#folder, name);
  }

  async create(uri: string, spec: CreateTableSpec): Promise<DeltaTable> {
    return this.#keep(await createTable(uri, spec));
  }

  async open(uri: string, options: Parameters<typeof openTable>[1] = {}): Promise<DeltaTable> {
    return this.#keep(await openTable(uri, options));
  }

  /** Ends what the tables of a test hold. */
  async closeTables(): Promise<void> {
    for (const table of this.#tables) await table.close();
    this.#tables.clear();
  }

  /** Runs statements in Spark, where `{t}` is the table at `uri`; the rows of the last one, as texts. */
  async sql(uri: string, ...statements: readonly string[]): Promise<readonly (string | null)[][]> {
    const { rows } = await this.spark.ask({
      op: 'sql',
      statements: statements.map((statement) => statement.replaceAll('{t}', `delta.\`${uri}\``)),
    });
    return rows as (string | null)[][];
  }

  /** As `sql`, with settings of Spark's session that are unset afterwards. */
  async sqlWith(
    uri: string,
    settings: Readonly<Record<string, string>>,
    ...statements: readonly string[]
  ): Promise<void> {
    try {
      for (const [key, value] of Object.entries(settings)) {
        await this.sql(uri, `SET ${key}=${value}`);
      }
      await this.sql(uri, ...statements);
    } finally {
      for (const key of Object.keys(settings)) await this.sql(uri, `RESET ${key}`);
    }
  }

  /** The newest version as we and all others read it: equal rows, or the refusals that are named. */
  async agree(table: DeltaTable, refusals: Refusals = {}): Promise<Checksum> {
    await table.refresh();
    const ours = await table.checksum();
    const uri = fileURLToPath(table.uri);
    const asked = [
      ['Spark', refusals.spark, () => this.spark.checksum({ uri })],
      ['delta-rs', refusals.datafusion, () => this.peers.checksum({ engine: 'datafusion', uri })],
      ['DuckDB', refusals.duckdb, () => this.peers.checksum({ engine: 'duckdb', uri })],
    ] as const;
    for (const [engine, refusal, ask] of asked) {
      if (refusal === undefined) expect(await ask(), engine).toEqual(ours);
      else if (refusal === WRONG_ROWS) expect(await ask(), engine).not.toEqual(ours);
      else await expect(ask(), engine).rejects.toThrow(refusal);
    }
    return ours;
  }

  #keep(table: DeltaTable): DeltaTable {
    this.#tables.add(table);
    return table;
  }
}

/** The rows of a table, in the order of `key`. */
export async function rowsOf(
  table: DeltaTable,
  key: string,
  options: Parameters<DeltaTable['scan']>[0] = {},
): Promise<readonly Row[]> {
  const rows = await Array.fromAsync(table.scan(options));
  return rows.toSorted((a, b) => (Number(a[key]) < Number(b[key]) ? -1 : 1));
}

/** What a write is refused with that needs a feature which is in use. */
export function needs(feature: string): object {
  return { code: 'FEATURE_UNSUPPORTED', details: expect.objectContaining({ features: feature }) };
}
