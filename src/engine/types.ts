/** The relational engine as other rooms see it. */

/**
 * A value as the engine hands it out: integers up to 32 bits and floats → `number`; 64 bits and more → `bigint`;
 * decimal → `bigint`, unscaled; date → `number`, days since 1970-01-01; timestamps → `bigint`, microseconds; string,
 * UUID → `string`; blob → `Uint8Array`; list → array; struct → object; map → array of `[key, value]`.
 */
export type EngineValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly EngineValue[]
  | { readonly [field: string]: EngineValue };

/** One row of a result by column name. */
export type EngineRow = { readonly [column: string]: EngineValue };

/** Some consecutive rows of a result, by column in the order of the select list. */
export interface ColumnChunkValues {
  readonly names: readonly string[];
  readonly rowCount: number;
  readonly columns: readonly (readonly EngineValue[])[];
}

export interface SessionOptions {
  /** Worker threads. Default 2. One thread keeps the order of what is read even after a join. */
  readonly threads?: number;
  /** Default 512 MiB. Beyond it the session spills to its temp directory. */
  readonly memoryLimitBytes?: number;
  /** Where the session makes a folder of its own for spilled data; removed by `close`. Default: the system's. */
  readonly tempDirectory?: string;
  /** When given, the session can touch no file outside these folders and its own temp folder. */
  readonly allowedDirectories?: readonly string[];
}

export interface StatementOptions {
  /** Stops the statement; the promise rejects with the signal's reason. A stopped COPY leaves a partial file. */
  readonly signal?: AbortSignal;
}

/**
 * One instance of the engine. Statements of `run` and `query` run one after another; every `stream` has a connection
 * of its own, so make plain tables (in memory, spilled beyond the limit), not temporary ones. The SQL is DuckDB's: text
 * from users becomes SQL only through `translate`, `identifier` and `literal`.
 * Errors: `ENGINE_SQL` and `ENGINE_DENIED` (invalid), `ENGINE_VALUE` and `ENGINE_IO` (data), `ENGINE_OUT_OF_MEMORY`,
 * `ENGINE_DISK` and `ENGINE_INTERRUPTED` (unavailable), `ENGINE_CLOSED` (invalid), `ENGINE_TYPE_UNSUPPORTED` (unsupported).
 */
export interface Session {
  /** A folder of this session alone, for staged files; removed by `close`. */
  readonly tempDirectory: string;
  /** Runs one or more statements for their effect. */
  run(sql: string, options?: StatementOptions): Promise<void>;
  /** All rows of one statement. Only for results known to be small. */
  query(sql: string, options?: StatementOptions): Promise<readonly EngineRow[]>;
  /** The rows of one statement as they come, in chunks of at most 2,048. Leaving the loop ends the statement. */
  stream(sql: string, options?: StatementOptions): AsyncIterable<ColumnChunkValues>;
  /** Stops what runs, frees the memory, removes the temp folder. May be called again. */
  close(): Promise<void>;
}

/** A loaded engine; `close` closes all sessions that are still open. */
export interface Engine {
  /** A new session; options left out are those of `createEngine`. */
  openSession(options?: SessionOptions): Promise<Session>;
  close(): Promise<void>;
}
