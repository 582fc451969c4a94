/** The inputs of one ingest: which of their rows are duplicates, and the files that the others become. */

import {
  type DroppedRows,
  droppedRows,
  dropExisting,
  dropRows,
  dropWithinBatch,
  identifier,
  type KeyedRows,
  prepareDrops,
  relationSql,
  type Session,
  type StatementOptions,
  survives,
} from '../../engine/index.ts';
import type { AddFile, PartitionValues } from '../../log/index.ts';
import { type StructType, unusedName } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { totalOf } from './append-commit.ts';
import { copyDataFile, discardFiles, type FileTarget, type StagedFile } from './append-file.ts';
import {
  copyPartition,
  encodeRuns,
  judge,
  sourceOptions,
  sourceRelation,
} from './append-parquet.ts';
import { ENGINE_STATEMENTS_MAX, inParallel, stageAll, STORE_REQUESTS_MAX } from './append-stage.ts';
import { type ColumnFills, fieldsToFill, filledFields } from './column-fills.ts';
import { filledSelect } from './filled-select.ts';
import { columnsIn, keyIsGood, keySchema } from './input.ts';
import { LazySession } from './input-session.ts';
import { LocalStage } from './input-stage.ts';
import { filesThatMayMatch, mappingOf, tableFile, tableRelations } from './input-table.ts';
import type { PreparedInput } from './input-types.ts';
import { keyRange } from './key-range.ts';
import { KeySieve } from './key-sieve.ts';
import { ROW } from './row-matches.ts';

export interface BatchOptions {
  readonly target: FileTarget;
  readonly keyColumns: readonly string[];
  /** Further columns without whose value a row does not enter; as the inputs were inspected with. Default none. */
  readonly required?: readonly string[];
  readonly targetFileSizeBytes: number;
  /** Values for columns that inputs do not bring; null where the table makes none. */
  readonly fills: ColumnFills | null;
  readonly signal?: AbortSignal | undefined;
}

/** Files of a table to look for keys in. */
export interface ExistingFiles {
  readonly snapshot: Snapshot;
  readonly files: Iterable<AddFile>;
}

export class IngestBatch {
  readonly #ctx: TableContext;
  readonly #inputs: readonly PreparedInput[];
  readonly #options: BatchOptions;
  readonly #keys: StructType;
  /** The keys, and what else a row must have. */
  readonly #required: StructType;
  /** What the place of a row among the inputs is called: no column goes by these names. */
  readonly #file: string;
  readonly #row: string;
  readonly #stage: LocalStage;
  readonly #engine: LazySession;
  #sieve: KeySieve | null = null;
  #rows: KeyedRows | null = null;
  #drops: Promise<Session> | null = null;
  #copies = new Map<number, StagedFile>();
  #encoded: readonly StagedFile[] = [];

  private constructor(
    ctx: TableContext,
    inputs: readonly PreparedInput[],
    { options, stage }: { readonly options: BatchOptions; readonly stage: LocalStage },
  ) {
    this.#ctx = ctx;
    this.#inputs = inputs;
    this.#options = options;
    const { target, keyColumns, required = [] } = options;
    this.#keys = keySchema({ schema: target.schema, keyColumns });
    this.#required = keySchema({
      schema: target.schema,
      keyColumns: [...new Set([...keyColumns, ...required])],
    });
    this.#file = unusedName(target.schema, 'file number');
    this.#row = unusedName(target.schema, 'row number');
    this.#stage = stage;
    this.#engine = new LazySession(ctx);
  }

  static async open(
    ctx: TableContext,
    inputs: readonly PreparedInput[],
    options: BatchOptions,
  ): Promise<IngestBatch> {
    return new IngestBatch(ctx, inputs, { options, stage: await LocalStage.open() });
  }

  /**
   * Of rows with one key, drops all but the first, and those whose key is in one of the files of the table, where there are
   * any to look at. Few rows are looked for among few without the engine.
   */
  async drop(existing: ExistingFiles | null): Promise<void> {
    if (this.#keys.fields.length === 0 || this.#inputs.length === 0) return;
    const near = existing === null ? [] : this.#near(existing);
    this.#sieve = await this.#readSieve(near);
    if (this.#sieve === null) await this.dropWithin();
    if (existing !== null) await this.#dropFound(existing.snapshot, near);
  }

  /** Of rows with one key, keeps the first. */
  async dropWithin(): Promise<void> {
    if (this.#keys.fields.length === 0 || this.#inputs.length === 0) return;
    const session = await this.#dropSession();
    await dropWithinBatch(session, await this.#keyedRows(), this.#statement());
  }

  /** Drops rows whose key is in one of the files of the table; returns how many. */
  async dropAgainst(existing: ExistingFiles): Promise<number> {
    if (this.#keys.fields.length === 0 || this.#inputs.length === 0) return 0;
    return this.#dropFound(existing.snapshot, this.#near(existing));
  }

  #near({ snapshot, files }: ExistingFiles): readonly AddFile[] {
    return filesThatMayMatch(snapshot, keyRange(this.#inputs, this.#keys), files);
  }

  /** The keys of the batch, where that may spare the engine: it would be there anyway for rows that must be encoded. */
  async #readSieve(near: readonly AddFile[]): Promise<KeySieve | null> {
    const inputSizes = this.#inputs.map(({ parquet }) => parquet.sizeBytes);
    if (!KeySieve.isCheap([...inputSizes, ...near.map(({ size }) => size)])) return null;
    const allCopied = this.#inputs.every(
      (input) => input.badKeyCount === 0 && this.#copyInto(input) !== null,
    );
    return allCopied ? KeySieve.read(this.#inputs, this.#keys.fields) : null;
  }

  async #dropFound(snapshot: Snapshot, near: readonly AddFile[]): Promise<number> {
    const { count, unread } = await this.#dropSieved(snapshot, near);
    if (unread.length === 0) return count;
    return count + (await this.#dropByEngine(snapshot, unread));
  }

  /** Drops what the sieve finds, and says in which files the engine has to look. */
  async #dropSieved(
    snapshot: Snapshot,
    files: readonly AddFile[],
  ): Promise<{ readonly count: number; readonly unread: readonly AddFile[] }> {
    const inFiles = this.#keys.fields.every(
      ({ name }) => !snapshot.partitionColumns.includes(name),
    );
    const isCheap = KeySieve.isCheap(files.map(({ size }) => size));
    if (this.#sieve === null || !inFiles || !isCheap) return { count: 0, unread: files };
    const [whole, partial] = [
      files.filter(({ deletionVector }) => deletionVector === undefined),
      files.filter(({ deletionVector }) => deletionVector !== undefined),
    ];
    const stored = await inParallel(whole, STORE_REQUESTS_MAX, async (add) => ({
      add,
      file: await tableFile(this.#ctx, add),
    }));
    const { count, unread } = await this.#sieve.dropExisting(stored, this.#options.signal);
    return { count, unread: [...unread.map(({ add }) => add), ...partial] };
  }

  async #dropByEngine(snapshot: Snapshot, files: readonly AddFile[]): Promise<number> {
    const session = await this.#dropSession();
    const relations = await tableRelations(this.#ctx, this.#stage, snapshot, {
      files,
      columns: this.#keys,
    });
    const half = Math.ceil(relations.length / ENGINE_STATEMENTS_MAX);
    const shares = [relations.slice(0, half), relations.slice(half)];
    const selects = shares.flatMap((share) =>
      share.length === 0
        ? []
        : relationSql(share, {
            schema: this.#keys,
            partitionColumns: snapshot.partitionColumns,
            mapping: mappingOf(snapshot),
          }),
    );
    return dropExisting(session, await this.#keyedRows(), selects, this.#statement());
  }

  /** Files with the rows that are left. What an earlier call staged is used again where nothing more was dropped. */
  async stage(): Promise<readonly StagedFile[]> {
    const { byFile } = await this.dropped();
    const numbered = this.#inputs.map((input, number) => {
      const rowsLeft = input.footer.rowCount - input.badKeyCount - (byFile.get(number) ?? 0);
      const whole = rowsLeft === input.footer.rowCount;
      const copyInto = whole ? this.#copyInto(input) : null;
      return { number, input, rowsLeft, copyInto };
    });
    const left = numbered.filter(({ rowsLeft }) => rowsLeft > 0);
    await this.#discardStale(left);
    await this.#copy(left);
    try {
      this.#encoded = await this.#encode(left.filter(({ copyInto }) => copyInto === null));
    } catch (error) {
      await discardFiles(this.#ctx, [...this.#copies.values()]);
      throw error;
    }
    return [...this.#copies.values(), ...this.#encoded];
  }

  /** The partition that a whole input may be copied into; null where its rows must be written anew. */
  #copyInto({ footer }: PreparedInput): PartitionValues | null {
    const { target, fills } = this.#options;
    if (fills !== null && fieldsToFill(fills, footer).length > 0) return null;
    return copyPartition(target, footer, judge(target, footer));
  }

  async #discardStale(left: readonly NumberedInput[]): Promise<void> {
    const copied = new Set(left.flatMap((it) => (it.copyInto === null ? [] : [it.number])));
    const stale = [...this.#copies].filter(([number]) => !copied.has(number));
    for (const [number] of stale) this.#copies.delete(number);
    await discardFiles(this.#ctx, [...this.#encoded, ...stale.map(([, file]) => file)]);
    this.#encoded = [];
  }

  async #copy(inputs: readonly NumberedInput[]): Promise<void> {
    await stageAll(this.#ctx, inputs, STORE_REQUESTS_MAX, async ({ number, input, copyInto }) => {
      if (copyInto === null || this.#copies.has(number)) return [];
      this.#options.signal?.throwIfAborted();
      const source = { ...input.parquet, footer: input.footer };
      const file = await copyDataFile(this.#ctx, this.#options.target, copyInto, source);
      if (file === null) return [];
      this.#copies.set(number, file);
      return [file];
    });
  }

  async #encode(inputs: readonly NumberedInput[]): Promise<readonly StagedFile[]> {
    if (inputs.length === 0) return [];
    const { target, targetFileSizeBytes, signal } = this.#options;
    const writer = { ctx: this.#ctx, session: await this.#engine.open(), target, signal };
    return encodeRuns(writer, inputs, {
      targetFileSizeBytes,
      sizeOf: ({ input }) => input.parquet.sizeBytes,
      select: (run) => this.#rowsLeft(run),
    });
  }

  async #rowsLeft(run: readonly Pick<NumberedInput, 'number' | 'input'>[]): Promise<string> {
    const relations = await inParallel(run, STORE_REQUESTS_MAX, ({ input }) =>
      sourceRelation(this.#stage, { ...input.parquet, footer: input.footer }),
    );
    const rows = relationSql(relations, {
      ...sourceOptions(this.#options.target),
      fileIndex: this.#file,
      rowNumber: this.#row,
    });
    const isGood = this.#required.fields.length === 0 ? 'TRUE' : keyIsGood(this.#required);
    const good = `SELECT * FROM (${rows}) AS ${ROW} WHERE ${isGood}`;
    if (this.#required.fields.length === 0 || (await this.dropped()).count === 0) {
      return this.#filled(run, good);
    }
    await this.#dropSession();
    const numbers = run.map(({ number }) => number).join(', ');
    const left = `${good} AND ${survives(`([${numbers}])[${ROW}.${identifier(this.#file)} + 1]`, `${ROW}.${identifier(this.#row)}`)}`;
    return this.#filled(run, left);
  }

  /** The columns of the table of rows of some inputs. */
  #filled(run: readonly Pick<NumberedInput, 'number' | 'input'>[], rows: string): string {
    const { target, fills } = this.#options;
    const { schema } = target;
    if (fills === null) {
      const columns = schema.fields.map(({ name }) => identifier(name)).join(', ');
      return `SELECT ${columns} FROM (${rows})`;
    }
    const byFile = (values: readonly string[]): string =>
      `([${values.join(', ')}])[${identifier(this.#file)} + 1]`;
    const missing = run.map(({ input }) => fieldsToFill(fills, input.footer));
    const given = filledFields(fills).map((field) => {
      const isGiven = missing.map((fields) => (fields.includes(field) ? 'FALSE' : 'TRUE'));
      return [field, byFile(isGiven)] as const;
    });
    const starts = run.map(({ number }) =>
      totalOf(this.#inputs.slice(0, number), ({ footer }) => footer.rowCount),
    );
    return filledSelect(schema, fills, {
      rows,
      place: `${byFile(starts.map(String))} + ${identifier(this.#row)}`,
      given: new Map(given),
      flags: [this.#file],
    });
  }

  /** A SELECT of the rows that are left, in order, and the session that it runs in. */
  async rowsLeft(): Promise<{ readonly session: Session; readonly select: string }> {
    const all = this.#inputs.map((input, number) => ({ number, input }));
    return { session: await this.#engine.open(), select: await this.#rowsLeft(all) };
  }

  async dropped(): Promise<DroppedRows> {
    if (this.#drops !== null) return droppedRows(await this.#dropSession());
    const byFile = this.#sieve?.droppedCounts ?? new Map<number, number>();
    return { byFile, count: totalOf(byFile.values(), (rowCount) => rowCount) };
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await this.#stage.close();
  }

  /** The session, with the table of what was dropped: one call after another, so that each finds all of it there. */
  #dropSession(): Promise<Session> {
    this.#drops = this.#withSieved(this.#drops ?? this.#prepareDrops());
    return this.#drops;
  }

  async #withSieved(drops: Promise<Session>): Promise<Session> {
    const session = await drops;
    const sieved = this.#sieve?.takeDropped();
    if (sieved !== undefined) await dropRows(session, sieved, this.#statement());
    return session;
  }

  async #prepareDrops(): Promise<Session> {
    const session = await this.#engine.open();
    await prepareDrops(session);
    return session;
  }

  /** Place and key of every row that has one. */
  async #keyedRows(): Promise<KeyedRows> {
    if (this.#rows !== null) return this.#rows;
    const names = this.#required.fields.map(({ name }) => name);
    const relations = await inParallel(this.#inputs, STORE_REQUESTS_MAX, ({ parquet, footer }) =>
      sourceRelation(this.#stage, { ...parquet, footer }, columnsIn(footer, names)),
    );
    const rows = relationSql(relations, {
      ...sourceOptions({ schema: this.#required }),
      fileIndex: this.#file,
      rowNumber: this.#row,
    });
    const allGood = this.#inputs.every(({ badKeyCount }) => badKeyCount === 0);
    this.#rows = {
      select: allGood ? rows : `SELECT * FROM (${rows}) WHERE ${keyIsGood(this.#required)}`,
      file: this.#file,
      row: this.#row,
      keyColumns: this.#keys.fields.map(({ name }) => name),
    };
    return this.#rows;
  }

  #statement(): StatementOptions {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }
}

interface NumberedInput {
  readonly number: number;
  readonly input: PreparedInput;
  readonly rowsLeft: number;
  readonly copyInto: PartitionValues | null;
}
