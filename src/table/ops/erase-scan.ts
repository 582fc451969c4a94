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
import type { ParquetFooter } from '../../parquet/index.ts';
import { columnsRead, type Expression, type Scalar, type StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, runsBySize, STORE_REQUESTS_MAX } from './append-stage.ts';
import { LocalStage } from './input-stage.ts';
import { mappingOf } from './input-table.ts';
import { ROW, rowScope, unusedName } from './row-matches.ts';

/** An object below a table that may hold rows of it. */
export interface RowFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly etag: string;
  /** Of columns whose values stand in the log, or in the names of folders, and not in the file. */
  readonly values: ReadonlyMap<string, Scalar | null>;
}

export type Searched =
  | { readonly kind: 'rows'; readonly rowCount: number; readonly matchCount: number }
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
    for (const run of runs) {
      this.#options.signal?.throwIfAborted();
      const found = await this.#searchRun(snapshot, run);
      for (const [file, searched] of found) this.#known.set(keyOf(file), searched);
    }
    return files.map((file) => this.#known.get(keyOf(file)) ?? { kind: 'gone' });
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
    for (const field of this.#columns(snapshot).fields) {
      const node = matchField(field, footer.columns, mappingOf(snapshot));
      if (node !== null) names.push(node.name);
      else if (snapshot.partitionColumns.includes(field.name) && !file.values.has(field.name)) {
        throw new PartitionUnknown(field.name);
      }
    }
    return { file, footer, localPath: await stage.localFile(stored, footer, names) };
  }

  /** Counts by one statement, or where one of the files stands in the way, by one for each. */
  async #count(
    snapshot: Snapshot,
    files: readonly StagedRows[],
    found: Map<RowFile, Searched>,
  ): Promise<void> {
    try {
      const counts = await this.#matchCounts(snapshot, files);
      for (const [index, { file, footer }] of files.entries()) {
        const matchCount = counts.get(index) ?? 0;
        found.set(file, { kind: 'rows', rowCount: footer.rowCount, matchCount });
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
    const { where, session, signal } = this.#options;
    const index = unusedName(snapshot, 'file number');
    const relation = relationSql(files.map(relationOf), {
      schema: this.#columns(snapshot),
      partitionColumns: [...(files[0]?.file.values.keys() ?? [])],
      mapping: mappingOf(snapshot),
      fileIndex: index,
    });
    const condition = translateCondition(where, rowScope(snapshot.schema));
    const sql =
      `SELECT ${identifier(index)}, count(*) FROM (${relation}) AS ${ROW} ` +
      `WHERE ${condition} GROUP BY ALL`;
    const counts = new Map<number, number>();
    const statement = signal === undefined ? {} : { signal };
    for await (const { columns, rowCount } of (await session()).stream(sql, statement)) {
      for (let row = 0; row < rowCount; row += 1) {
        counts.set(Number(columns[0]?.[row]), Number(columns[1]?.[row]));
      }
    }
    return counts;
  }

  #columns({ schema }: Snapshot): StructType {
    return columnsRead(this.#options.where, schema);
  }

  async #fault({ path }: RowFile, error: unknown): Promise<Searched> {
    if (error instanceof PartitionUnknown) return { kind: 'unreadable', reason: error.message };
    if (!isFileFault(error)) throw error;
    if (error.code === 'STORE_NOT_FOUND') return { kind: 'gone' };
    const isParquet = await this.#beginsAsParquet(path);
    return isParquet ? { kind: 'unreadable', reason: error.message } : { kind: 'foreign' };
  }

  async #beginsAsParquet(path: string): Promise<boolean> {
    const bytes = await this.#ctx.store.getRange(path, { start: 0, end: PARQUET_MAGIC.length });
    return new TextDecoder('latin1').decode(bytes) === PARQUET_MAGIC;
  }
}

interface StagedRows {
  readonly file: RowFile;
  readonly footer: ParquetFooter;
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
