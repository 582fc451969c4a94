/** Sessions and statements that write Parquet files whose rows keep the order of what was read. */

import type { Codec } from '../parquet/index.ts';
import type { StructField } from '../schema/index.ts';
import { literal } from './quote.ts';
import { encoded, type Encoding } from './signed-zeros.ts';
import type { Engine, Session, SessionOptions, StatementOptions } from './types.ts';

/** Small enough that a reader skips inside a file, large enough for dictionaries to pay. */
const ROW_GROUP_ROWS = 122_880;
/** Beyond so many values a dictionary saves little, and to try costs a fifth of the whole encoding. */
const DICTIONARY_VALUES_MAX = 8_192;

/**
 * Opens a session for `copyToParquet`. One thread a statement, and an optimizer that may not swap the sides of a join,
 * keep the rows of its left side in order through filters, semi and anti joins; a left join lets rows with a match
 * overtake those without, by at most one vector of 2,048 rows. Several statements still run side by side, each on the
 * thread of its `stream`.
 */
export async function openOrderedSession(
  engine: Engine,
  options: Omit<SessionOptions, 'threads'> = {},
): Promise<Session> {
  const session = await engine.openSession({ ...options, threads: 1 });
  // What is read once for a rewrite would else stay in memory up to its limit, and is in the system's cache anyway.
  await session.run(
    "SET GLOBAL disabled_optimizers = 'join_order,build_side_probe_side'; " +
      'SET GLOBAL enable_external_file_cache = false',
  );
  return session;
}

export interface CopyOptions extends StatementOptions {
  /** Where the file is to be, on the local disk. */
  readonly file: string;
  readonly codec: Codec;
  /** Rows in a row group, more or less; a file of no more has one, unless a row has more than a kilobyte. Default 122,880. */
  readonly rowGroupRows?: number;
  /** The columns of the rows, or those of them that may hold floating numbers. Default: the engine is asked for them. */
  readonly fields?: readonly StructField[];
}

/** Writes the rows of `select`, in their order, to one Parquet file. Calls may run side by side. Returns the rows written. */
export async function copyToParquet(
  session: Session,
  select: string,
  { file, codec, rowGroupRows, fields, ...statement }: CopyOptions,
): Promise<number> {
  // Else small pieces of the result wait until they are larger, and come after rows that they stood before.
  const inOrder = 'SET enable_caching_operators = false';
  return encoded(session, select, fields ?? null, (rows, encoding) => {
    const format = parquetFormat(codec, { rowGroupRows, encoding });
    return execute(
      session,
      `${inOrder}; COPY (${rows}) TO ${literal(file)} (${format})`,
      statement,
    );
  });
}

/** The options of a COPY: how all files are encoded. */
export function parquetFormat(
  codec: Codec,
  {
    rowGroupRows = ROW_GROUP_ROWS,
    encoding = 'dictionaries',
  }: { readonly rowGroupRows?: number | undefined; readonly encoding?: Encoding },
): string {
  const dictionaryValues = encoding === 'plain' ? 0 : DICTIONARY_VALUES_MAX;
  return (
    `FORMAT parquet, CODEC ${codec}, ROW_GROUP_SIZE ${String(rowGroupRows)}, ` +
    `DICTIONARY_SIZE_LIMIT ${String(dictionaryValues)}`
  );
}

/** Runs one statement beside the others of the session; returns the rows it changed or wrote. */
export async function execute(
  session: Session,
  sql: string,
  options: StatementOptions = {},
): Promise<number> {
  let rowCount = 0;
  for await (const chunk of session.stream(sql, options)) {
    const count = chunk.columns[0]?.[0];
    if (typeof count === 'bigint') rowCount += Number(count);
  }
  return rowCount;
}
