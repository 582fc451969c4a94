/** How many rows of files match a condition, as the files stand in their storage: deletion vectors are not asked. */

import { type DeltaError, isDeltaError } from '../../base/index.ts';
import {
  identifier,
  matchField,
  type RelationFile,
  relationSql,
  type Session,
  translateCondition,
} from '../../engine/index.ts';
import type { RowBits } from '../../log/index.ts';
import type { ParquetFooter } from '../../parquet/index.ts';
import {
  columnsRead,
  type Expression,
  type Scalar,
  type StructType,
  unusedName,
} from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import {
  ENGINE_STATEMENTS_MAX,
  inParallel,
  runsBySize,
  STORE_REQUESTS_MAX,
} from './append-stage.ts';
import { LocalStage } from './input-stage.ts';
import { mappingOf } from './input-table.ts';
import { ROW, rowScope } from './row-matches.ts';

/** An object below a table that may hold rows of it. */
export interface RowFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly etag: string;
  /** Of columns whose values stand in the log, or in the names of folders, and not in the file. */
  readonly values: ReadonlyMap<string, Scalar | null>;
}

export type Searched =
  | {
      readonly kind: 'rows';
      readonly rowCount: number;
      readonly matchCount: number;
      /** Whether it lacks a column of the condition, which then counts as null. */
      readonly isPartial: boolean;
    }
  /** No Parquet file, nor the beginning of one. */
  | { readonly kind: 'foreign' }
  /** Nobody can tell what is in it. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** Deleted since it was listed. */
  | { readonly kind: 'gone' };

export interface SearchOptions {
  readonly where: Expression;
  readonly session: () => Promise<Session>;
  readonly signal: AbortSignal | undefined;
}

/** Files in one statement of the engine, at most. */
const GROUP_FILES_MAX = 32;
const GROUP_BYTES = 128 * 1024 * 1024;
const PARQUET_MAGIC = 'PAR1';

export class FileSearch {
  readonly #ctx: TableContext;
  readonly #options: SearchOptions;
  readonly #known = new Map<string, Searched>();

  constructor(ctx: TableContext, options: SearchOptions) {
    this.#ctx = ctx;
    this.#options = options;
  }

  /**
   * Searches the files by the schema of the snapshot, each content once. What is wrong with a file is no error. Errors: those of
   * translating the condition (invalid), of a store that does not answer.
   */
  async search(snapshot: Snapshot, files: readonly RowFile[]): Promise<readonly Searched[]> {
    translateCondition(this.#options.where, rowScope(snapshot.schema));
    const open = files.filter((file) => !this.#known.has(keyOf(file)));
    const runs = runsBySize(open, {
      sizeOf: ({ sizeBytes }) => sizeBytes,
      sizeMax: GROUP_BYTES,
      countMin: Math.ceil(open.length / GROUP_FILES_MAX),
    });
    await inParallel(runs, ENGINE_STATEMENTS_MAX, async (run) => {
      this.#options.signal?.throwIfAborted();
      const found = await this.#searchRun(snapshot, run);
      for (const [file, searched] of found) this.#known.set(keyOf(file), searched);
    });
    return files.map((file) => this.#known.get(keyOf(file)) ?? { kind: 'gone' });
  }

  /** A bit for each row of a file that matches. Errors: as of `search`, and what is wrong with the file. */
  async rowsOf(snapshot: Snapshot, file: RowFile, rowCount: number): Promise<RowBits> {
    const bits = new Uint8Array(Math.ceil(rowCount / 8));
    const stage = await LocalStage.open();
    try {
      const staged = await this.#stage(stage, snapshot, file);
      const select: MatchesSql = (from, { row }) => `SELECT ${row} ${from}`;
      for await (const [row] of this.#matches(snapshot, [staged], select)) {
        const place = Math.floor(row / 8);
        bits[place] = (bits[place] ?? 0) | (128 >> (row % 8));
      }
    } finally {
      await stage.close();
    }
    return bits;
  }

  async #searchRun(
    snapshot: Snapshot,
    files: readonly RowFile[],
  ): Promise<ReadonlyMap<RowFile, Searched>> {
    const found = new Map<RowFile, Searched>();
    const stage = await LocalStage.open();
    try {
      const staged = await inParallel(files, STORE_REQUESTS_MAX, async (file) => {
        try {
          return [await this.#stage(stage, snapshot, file)];
        } catch (error) {
          found.set(file, await this.#fault(file, error));
          return [];
        }
      });
      for (const group of byValues(staged.flat())) await this.#count(snapshot, group, found);
    } finally {
      await stage.close();
    }
    return found;
  }

  async #stage(stage: LocalStage, snapshot: Snapshot, file: RowFile): Promise<StagedRows> {
    const stored = { store: this.#ctx.store, path: file.path, sizeBytes: file.sizeBytes };
    const footer = await stage.footer(stored);
    const names: string[] = [];
    let isPartial = false;
    for (const field of this.#columns(snapshot).fields) {
      const node = matchField(field, footer.columns, mappingOf(snapshot));
      if (node !== null) names.push(node.name);
      else if (file.values.has(field.name)) continue;
      else if (snapshot.partitionColumns.includes(field.name))
        throw new PartitionUnknown(field.name);
      else isPartial = true;
    }
    return { file, footer, isPartial, localPath: await stage.localFile(stored, footer, names) };
  }

  /** Counts by one statement, or where one of the files stands in the way, by one for each. */
  async #count(
    snapshot: Snapshot,
    files: readonly StagedRows[],
    found: Map<RowFile, Searched>,
  ): Promise<void> {
    try {
      const counts = await this.#matchCounts(snapshot, files);
      for (const [index, { file, footer, isPartial }] of files.entries()) {
        const { rowCount } = footer;
        const matchCount = counts.get(index) ?? 0;
        found.set(file, { kind: 'rows', rowCount, matchCount, isPartial });
      }
    } catch (error) {
      const [only, ...others] = files;
      if (only === undefined || !isFileFault(error)) throw error;
      if (others.length === 0) found.set(only.file, await this.#fault(only.file, error));
      else for (const file of files) await this.#count(snapshot, [file], found);
    }
  }

  async #matchCounts(
    snapshot: Snapshot,
    files: readonly StagedRows[],
  ): Promise<ReadonlyMap<number, number>> {
    const counts = new Map<number, number>();
    const select: MatchesSql = (from, { file }) => `SELECT ${file}, count(*) ${from} GROUP BY ALL`;
    for await (const [file, count] of this.#matches(snapshot, files, select)) {
      counts.set(file, count);
    }
    return counts;
  }

  /** What a SELECT of one or two whole numbers makes of the matching rows. */
  async *#matches(
    snapshot: Snapshot,
    files: readonly StagedRows[],
    select: MatchesSql,
  ): AsyncGenerator<readonly [number, number]> {
    const { where, session, signal } = this.#options;
    const file = unusedName(snapshot.schema, 'file number');
    const row = unusedName(snapshot.schema, 'row number');
    const relation = relationSql(files.map(relationOf), {
      schema: this.#columns(snapshot),
      partitionColumns: [...(files[0]?.file.values.keys() ?? [])],
      mapping: mappingOf(snapshot),
      fileIndex: file,
      rowNumber: row,
    });
    const condition = translateCondition(where, rowScope(snapshot.schema));
    const from = `FROM (${relation}) AS ${ROW} WHERE ${condition}`;
    const sql = select(from, { file: identifier(file), row: identifier(row) });
    const statement = signal === undefined ? {} : { signal };
    for await (const { columns, rowCount } of (await session()).stream(sql, statement)) {
      for (let index = 0; index < rowCount; index += 1) {
        yield [Number(columns[0]?.[index]), Number(columns[1]?.[index])];
      }
    }
  }

  #columns({ schema }: Snapshot): StructType {
    return columnsRead(this.#options.where, schema);
  }

  async #fault({ path }: RowFile, error: unknown): Promise<Searched> {
    if (error instanceof PartitionUnknown) return { kind: 'unreadable', reason: error.message };
    if (!isFileFault(error)) throw error;
    if (['STORE_NOT_FOUND', 'TABLE_FILE_MISSING'].includes(error.code)) return { kind: 'gone' };
    const isParquet = await this.#beginsAsParquet(path);
    return isParquet ? { kind: 'unreadable', reason: error.message } : { kind: 'foreign' };
  }

  async #beginsAsParquet(path: string): Promise<boolean> {
    const bytes = await this.#ctx.store.getRange(path, { start: 0, end: PARQUET_MAGIC.length });
    return new TextDecoder('latin1').decode(bytes) === PARQUET_MAGIC;
  }
}

/** A SELECT from the matching rows, by the columns with the numbers of their files and of themselves. */
type MatchesSql = (from: string, names: { readonly file: string; readonly row: string }) => string;

interface StagedRows {
  readonly file: RowFile;
  readonly footer: ParquetFooter;
  readonly isPartial: boolean;
  readonly localPath: string;
}

function relationOf({ file, footer, localPath }: StagedRows): RelationFile {
  return { localPath, columns: footer.columns, partitionValues: file.values };
}

/** A scan takes values from outside of the files for the same columns of all. */
function byValues(files: readonly StagedRows[]): Iterable<readonly StagedRows[]> {
  const groups = new Map<string, StagedRows[]>();
  for (const staged of files) {
    const key = JSON.stringify([...staged.file.values.keys()]);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(staged);
  }
  return groups.values();
}

function keyOf({ path, etag, values }: RowFile): string {
  return JSON.stringify([path, etag, [...values].map(([name, value]) => [name, String(value)])]);
}

function isFileFault(error: unknown): error is DeltaError {
  return isDeltaError(error) && (error.kind === 'data' || error.kind === 'unsupported');
}

/** Neither the file nor its folders say which partition its rows are in. */
class PartitionUnknown extends Error {
  constructor(column: string) {
    super(`its value of the partition column ${column} is not known`);
  }
}
