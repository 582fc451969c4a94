import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';

import { memorySource, type ParquetFooter, readFooter } from '../../src/parquet/index.ts';

/** Runs statements; returns the rows of the last one. */
export async function duckdb(
  ...statements: readonly string[]
): Promise<readonly Record<string, DuckDBValue>[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    let rows: readonly Record<string, DuckDBValue>[] = [];
    for (const statement of statements) {
      rows = (await connection.runAndReadAll(statement)).getRowObjects();
    }
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The bytes of a Parquet file that DuckDB writes for a query; `options` such as `COMPRESSION zstd`. */
export async function duckdbFile(query: string, options = ''): Promise<Uint8Array> {
  return inFolder(async (folder) => {
    const file = join(folder, 'f.parquet');
    await duckdb(`COPY (${query}) TO '${file}' (FORMAT parquet${options && `, ${options}`})`);
    return readFile(file);
  });
}

export async function duckdbFooter(query: string, options = ''): Promise<ParquetFooter> {
  return readFooter(memorySource('f.parquet', await duckdbFile(query, options)));
}

export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'parquet-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
