/**
 * Files from outside, looked at before they enter a table: what can be read, what fits, and what is rejected with its
 * reason. A bad file never stops the good ones.
 */

import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

import pLimit from 'p-limit';

import { isDeltaError, present } from '../../base/index.ts';
import { copyToParquet, fileList, identifier, relationSql } from '../../engine/index.ts';
import {
  footerStatistics,
  judgeVerbatim,
  memorySource,
  type ParquetFooter,
  readFooter,
} from '../../parquet/index.ts';
import { findField, STRING, type StructType, typesEqual, unusedName } from '../../schema/index.ts';
import { compareUtf8 } from '../../store/index.ts';
import type { TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { convertJsonLines } from './input-json.ts';
import { LazySession } from './input-session.ts';
import { LocalStage, type StoredFile, storedFooter } from './input-stage.ts';
import type { InputFile, InspectedInputs, PreparedInput, Rejection } from './input-types.ts';

export interface InspectOptions {
  /**
   * What the rows become: columns that a file lacks are null, columns that the schema lacks are left out, fields of
   * structs too.
   */
  readonly schema: StructType;
  /** Columns whose value may be neither null nor an empty text; rows where it is are rejected one by one. */
  readonly keyColumns: readonly string[];
  /** Columns that a Parquet file must have. Default: the key columns. */
  readonly required?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Files of JSON lines that are converted at once: the lines of each are in memory as columns. */
const JSON_FILES_MAX = 2;
/** Remote files up to here are fetched whole, by the one request that reading their footer would be. In bytes. */
const WHOLE_BYTES_MAX = 64 * 1024;
/** Rejections of one file that are told apart; the rest of them is one more, with their number. */
const REJECTIONS_PER_FILE_MAX = 10_000;

/**
 * Looks at each file: the footer of Parquet, where the footer cannot vouch for the keys also the key columns; all lines
 * of JSON. Errors are those of a store that does not answer (`STORE_UNAVAILABLE`, `STORE_DENIED`): what is wrong with a file is no
 * error, but a rejection.
 */
export async function inspectInputs(
  ctx: TableContext,
  files: readonly InputFile[],
  options: InspectOptions,
): Promise<InspectedInputs> {
  const stage = await LocalStage.open();
  const engine = new LazySession(ctx);
  try {
    const inspector = new Inspector(ctx, { stage, engine, options });
    const ordered = [...files].sort((left, right) => compareUtf8(left.path, right.path));
    const findings = await inParallel(ordered, STORE_REQUESTS_MAX, (file) =>
      inspector.inspect(file),
    );
    return {
      accepted: findings.flatMap(({ accepted }) => (accepted === null ? [] : [accepted])),
      rejected: findings.flatMap(({ rejected }) => rejected),
      close: () => stage.close(),
    };
  } catch (error) {
    await stage.close();
    throw error;
  } finally {
    await engine.close();
  }
}

interface Finding {
  readonly accepted: PreparedInput | null;
  readonly rejected: readonly Rejection[];
}

interface InspectorParts {
  readonly stage: LocalStage;
  readonly engine: LazySession;
  readonly options: InspectOptions;
}

class Inspector {
  readonly #ctx: TableContext;
  readonly #stage: LocalStage;
  readonly #engine: LazySession;
  readonly #options: InspectOptions;
  readonly #json = pLimit(JSON_FILES_MAX);

  constructor(ctx: TableContext, { stage, engine, options }: InspectorParts) {
    this.#ctx = ctx;
    this.#stage = stage;
    this.#engine = engine;
    this.#options = options;
  }

  async inspect(file: InputFile): Promise<Finding> {
    this.#options.signal?.throwIfAborted();
    const rejections = new Rejections(file);
    try {
      const accepted =
        file.format === 'parquet'
          ? await this.#inspectParquet(file, rejections)
          : await this.#json(() => this.#inspectJson(file, rejections));
      return { accepted, rejected: rejections.list() };
    } catch (error) {
      const rejection = rejectionOf(file, error);
      if (rejection === null) throw error;
      return { accepted: null, rejected: [rejection] };
    }
  }

  async #inspectParquet(file: InputFile, rejections: Rejections): Promise<PreparedInput | null> {
    const { footer, parquet } = await this.#fetch(file);
    const names = footer.columns.map(({ name }) => name.toLowerCase());
    const { required = this.#options.keyColumns } = this.#options;
    const missing = required.find((name) => !names.includes(name.toLowerCase()));
    if (missing !== undefined) {
      rejections.whole('INPUT_MISSING_COLUMN', `the file has no column ${missing}`);
      return null;
    }
    const verdict = judgeVerbatim(footer, this.#options.schema);
    if (verdict.kind === 'reject') {
      rejections.whole(verdict.code, verdict.reason);
      return null;
    }
    const badKeyCount = await this.#checkKeys(parquet, footer, rejections);
    return { file, parquet, footer, badKeyCount };
  }

  /** The footer, and where the file is read from now on: a local copy of a small file of a remote store. */
  async #fetch(file: InputFile): Promise<Pick<PreparedInput, 'footer' | 'parquet'>> {
    const { store, path, sizeBytes } = file;
    const isWhole = sizeBytes > 0 && sizeBytes <= WHOLE_BYTES_MAX && store.localFile(path) === null;
    const bytes = isWhole ? await store.getRange(path, { start: 0, end: sizeBytes }) : null;
    if (bytes?.length !== sizeBytes) return { footer: await storedFooter(file), parquet: file };
    const footer = await readFooter(memorySource(path, bytes));
    const localFile = this.#stage.freshFile('.parquet');
    await writeFile(localFile, bytes);
    return { footer, parquet: await this.#stored(localFile) };
  }

  async #stored(localFile: string): Promise<PreparedInput['parquet']> {
    const { store, path } = await this.#ctx.resolve(pathToFileURL(localFile).href);
    const { sizeBytes, etag } = present(await store.head(path), 'a file that was written');
    return { store, path, sizeBytes, etag };
  }

  /** How many rows have a bad key; they are rejected one by one. */
  async #checkKeys(
    file: StoredFile,
    footer: ParquetFooter,
    rejections: Rejections,
  ): Promise<number> {
    const schema = keySchema(this.#options);
    if (schema.fields.length === 0 || keysAreProved(footer, schema)) return 0;
    const session = await this.#engine.open();
    const columns = columnsIn(footer, this.#options.keyColumns);
    const localPath = await this.#stage.localFile(file, footer, columns);
    const rowNumber = unusedName(schema, 'row number');
    const relation = relationSql(
      [{ localPath, columns: footer.columns, partitionValues: new Map() }],
      { schema, partitionColumns: [], mapping: 'none', rowNumber },
    );
    const bad = `SELECT ${identifier(rowNumber)} FROM (${relation}) WHERE NOT (${keyIsGood(schema)})`;
    let count = 0;
    for await (const chunk of session.stream(bad)) {
      for (const row of chunk.columns[0] ?? []) {
        rejections.row('INPUT_BAD_KEY', Number(row), BAD_KEY_REASON);
        count += 1;
      }
    }
    return count;
  }

  async #inspectJson(file: InputFile, rejections: Rejections): Promise<PreparedInput | null> {
    if (file.sizeBytes === 0) {
      rejections.whole('INPUT_EMPTY', 'the file is empty', true);
      return null;
    }
    const { schema, keyColumns } = this.#options;
    const parts = await convertJsonLines(file, {
      schema,
      keyColumns,
      freshFile: () => this.#stage.freshFile('.parquet'),
      onRejected: (line, code, reason) => {
        rejections.row(code, line, reason);
      },
    });
    const parquet = await this.#stored(await this.#joined(parts));
    const footer = await storedFooter(parquet);
    const verdict = judgeVerbatim(footer, schema);
    if (verdict.kind === 'reject') {
      rejections.whole(verdict.code, verdict.reason);
      return null;
    }
    return { file, parquet, footer, badKeyCount: 0 };
  }

  async #joined(parts: readonly string[]): Promise<string> {
    const [only, ...others] = parts;
    if (only !== undefined && others.length === 0) return only;
    const session = await this.#engine.open();
    const file = this.#stage.freshFile('.parquet');
    const select = `SELECT * FROM read_parquet(${fileList(parts)}, hive_partitioning = false)`;
    await copyToParquet(session, select, { file, codec: 'snappy' });
    return file;
  }
}

/** The rejections of one file, as many as are worth telling apart. */
class Rejections {
  readonly #file: InputFile;
  readonly #told: Rejection[] = [];
  #moreCount = 0;

  constructor(file: InputFile) {
    this.#file = file;
  }

  whole(code: string, reason: string, retryLater = false): void {
    this.#told.push({ path: this.#file.path, row: null, code, reason, retryLater });
  }

  row(code: string, row: number, reason: string): void {
    if (this.#told.length >= REJECTIONS_PER_FILE_MAX) this.#moreCount += 1;
    else this.#told.push({ path: this.#file.path, row, code, reason, retryLater: false });
  }

  list(): readonly Rejection[] {
    if (this.#moreCount === 0) return this.#told;
    const reason = `${String(this.#moreCount)} more rows of the file were rejected`;
    const { path } = this.#file;
    return [...this.#told, { path, row: null, code: 'INPUT_MORE', reason, retryLater: false }];
  }
}

const BAD_KEY_REASON = 'the key of the row is null or empty';

/** A condition that is true where every key column has a value and no text is empty. */
export function keyIsGood(schema: StructType): string {
  return schema.fields
    .map(({ name, type }) =>
      typesEqual(type, STRING)
        ? `coalesce(${identifier(name)} <> '', false)`
        : `${identifier(name)} IS NOT NULL`,
    )
    .join(' AND ');
}

export function keySchema({
  schema,
  keyColumns,
}: Pick<InspectOptions, 'schema' | 'keyColumns'>): StructType {
  const fields = keyColumns.map((name) => present(findField(schema, name), `the column ${name}`));
  return { ...schema, fields };
}

/** The names that a file has for columns, ignoring case. */
export function columnsIn(footer: ParquetFooter, names: readonly string[]): readonly string[] {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  return footer.columns.flatMap(({ name }) => (wanted.has(name.toLowerCase()) ? [name] : []));
}

function keysAreProved(footer: ParquetFooter, schema: StructType): boolean {
  const { columns } = footerStatistics(footer, schema);
  return schema.fields.every(({ name, type }) => {
    const column = columns.get(name);
    const hasValues = column?.nullCount === 0;
    return typesEqual(type, STRING)
      ? hasValues && column.min !== null && column.min !== ''
      : hasValues;
  });
}

/** Errors that say that the file is bad, and whether it may be good later; others are not about the file. */
const BAD_FILE: ReadonlyMap<string, 'later' | 'never'> = new Map([
  ['STORE_NOT_FOUND', 'later'],
  ['PARQUET_EMPTY_FILE', 'later'],
  ['PARQUET_TRUNCATED', 'later'],
  ['PARQUET_NOT_PARQUET', 'never'],
  ['PARQUET_CORRUPT_FOOTER', 'never'],
  ['PARQUET_CORRUPT_DATA', 'never'],
  ['PARQUET_ENCRYPTED', 'never'],
  ['ENGINE_FILE_TYPE', 'never'],
  ['ENGINE_ENCODING', 'never'],
  ['ENGINE_VALUE', 'never'],
  ['ENGINE_IO', 'never'],
  ['INPUT_LINE_TOO_LONG', 'never'],
]);

function rejectionOf(file: InputFile, error: unknown): Rejection | null {
  const fate = isDeltaError(error) ? BAD_FILE.get(error.code) : undefined;
  if (fate === undefined || !isDeltaError(error)) return null;
  const code = error.code === 'STORE_NOT_FOUND' ? 'INPUT_VANISHED' : error.code;
  return { path: file.path, row: null, code, reason: error.message, retryLater: fate === 'later' };
}
