/** One DuckDB instance behind a small door: limits set, extensions off, errors sorted, nothing running after `close`. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type * as DuckApi from '@duckdb/node-api';
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';

import { makeTempFolder } from '../base/index.ts';
import { engineFailure, engineMissing, sessionClosed } from './errors.ts';
import { literalList } from './quote.ts';
import type {
  ColumnChunkValues,
  EngineRow,
  EngineValue,
  Session,
  SessionOptions,
  StatementOptions,
} from './types.ts';
import { ValueReader } from './values.ts';

const MEMORY_LIMIT_BYTES = 512 * 1024 * 1024;
const THREADS = 2;

/** Opens a session. Loads the native engine at the first call; `ENGINE_MISSING` (unsupported) where it can't be. */
export async function openSession(options: SessionOptions = {}): Promise<Session> {
  const api = await loadApi();
  // Two instances that spill into one folder would overwrite each other's files.
  const tempDirectory = await makeTempFolder(options.tempDirectory);
  try {
    const instance = await api.DuckDBInstance.create(':memory:', {
      threads: String(options.threads ?? THREADS),
      memory_limit: `${String(Math.ceil((options.memoryLimitBytes ?? MEMORY_LIMIT_BYTES) / 1024))}KiB`,
      temp_directory: tempDirectory,
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    await connection.run(settings(options, tempDirectory));
    return new DuckSession(instance, connection, new ValueReader(api), tempDirectory);
  } catch (error) {
    await rm(tempDirectory, { recursive: true, force: true });
    throw engineFailure(error, 'open a session');
  }
}

async function loadApi(): Promise<typeof DuckApi> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    throw engineMissing(error);
  }
}

function settings(options: SessionOptions, tempDirectory: string): string {
  const statements = ["SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL Calendar = 'gregorian'"];
  if (options.allowedDirectories !== undefined) {
    const folders = [...options.allowedDirectories, tempDirectory].map((folder) =>
      join(folder, '/'),
    );
    statements.push(
      `SET GLOBAL allowed_directories = ${literalList(folders)}`,
      'SET GLOBAL enable_external_access = false',
      'SET GLOBAL lock_configuration = true',
    );
  }
  return statements.join('; ');
}

class DuckSession implements Session {
  readonly tempDirectory: string;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #reader: ValueReader;
  readonly #streams = new Set<DuckDBConnection>();
  readonly #pending = new Set<Promise<unknown>>();
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    reader: ValueReader,
    tempDirectory: string,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#reader = reader;
    this.tempDirectory = tempDirectory;
  }

  async run(sql: string, options: StatementOptions = {}): Promise<void> {
    await this.#inTurn(() => this.#guard(this.#connection, options, (c) => c.run(sql)));
  }

  async query(sql: string, options: StatementOptions = {}): Promise<readonly EngineRow[]> {
    return this.#inTurn(async () => {
      const rows: EngineRow[] = [];
      const result = await this.#guard(this.#connection, options, (c) => c.run(sql));
      const names = result.deduplicatedColumnNames();
      for (;;) {
        const chunk = await this.#chunk(this.#connection, result, names, options);
        if (chunk === null) return rows;
        for (let row = 0; row < chunk.rowCount; row += 1) rows.push(rowOf(chunk, row));
      }
    });
  }

  async *stream(sql: string, options: StatementOptions = {}): AsyncGenerator<ColumnChunkValues> {
    this.#assertOpen();
    const connection = await this.#track(this.#instance.connect());
    this.#streams.add(connection);
    try {
      const result = await this.#guard(connection, options, (c) => c.stream(sql));
      const names = result.deduplicatedColumnNames();
      for (;;) {
        const chunk = await this.#chunk(connection, result, names, options);
        if (chunk === null) return;
        yield chunk;
      }
    } finally {
      if (this.#streams.delete(connection)) connection.closeSync();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    for (const connection of [this.#connection, ...this.#streams]) connection.interrupt();
    await Promise.allSettled(this.#pending);
    for (const connection of [this.#connection, ...this.#streams]) connection.closeSync();
    this.#streams.clear();
    this.#instance.closeSync();
    await rm(this.tempDirectory, { recursive: true, force: true });
  }

  async #chunk(
    connection: DuckDBConnection,
    result: DuckDBResult,
    names: readonly string[],
    options: StatementOptions,
  ): Promise<ColumnChunkValues | null> {
    const chunk = await this.#guard(connection, options, () => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) return null;
    const columns: EngineValue[][] = [];
    for (let index = 0; index < chunk.columnCount; index += 1) {
      columns.push(this.#reader.column(chunk.getColumnVector(index), chunk.rowCount));
    }
    return { names, rowCount: chunk.rowCount, columns };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    // The queue goes on after a failure; the failure itself is the caller's, through `turn`.
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** One native call: refused when closed, stopped by the signal, its error sorted. */
  async #guard<T>(
    connection: DuckDBConnection,
    options: StatementOptions,
    work: (connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    this.#assertOpen();
    const { signal } = options;
    signal?.throwIfAborted();
    const stop = (): void => {
      connection.interrupt();
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const result = await this.#track(work(connection));
      // Rows whose reading was interrupted may end as if there were no more.
      signal?.throwIfAborted();
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      throw engineFailure(error, 'run a statement');
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work);
    try {
      return await work;
    } finally {
      this.#pending.delete(work);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw sessionClosed();
  }
}

function rowOf(chunk: ColumnChunkValues, row: number): EngineRow {
  return Object.fromEntries(
    chunk.names.map((name, column) => [name, chunk.columns[column]?.[row] ?? null]),
  );
}
