/** Which rows of which files a condition selects: by partition values and statistics first, then by the engine. */

import { assert } from '../../base/index.ts';
import {
  identifier,
  relationSql,
  type Scope,
  type Session,
  translateCondition,
} from '../../engine/index.ts';
import { type AddFile, countRows, type PartitionValues, type RowBits } from '../../log/index.ts';
import {
  columnsRead,
  evaluatePredicate,
  type Expression,
  type StructType,
  unusedName,
} from '../../schema/index.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { ENGINE_STATEMENTS_MAX, inParallel } from './append-stage.ts';
import { type LiveFile, liveFiles, partitionFields, partitionValuesOf } from './files.ts';
import { dataFileFooter, LocalStage } from './input-stage.ts';
import { mappingOf, tableRelations } from './input-table.ts';

/** What the steps of one try share. */
export interface RowSearch {
  readonly ctx: TableContext;
  readonly snapshot: Snapshot;
  /** Null selects all rows. */
  readonly where: Expression | null;
  /** Asked for only where rows must be looked at. */
  readonly session: () => Promise<Session>;
  readonly signal: AbortSignal | undefined;
}

/** Rows of a live file. */
export interface FileRows {
  readonly add: AddFile;
  /** By the names of the schema. */
  readonly partitionValues: PartitionValues;
  /** Rows of the file as it stands in its storage, those that its vector hides included. */
  readonly storedCount: number;
  /** Null for all rows that its vector does not hide. */
  readonly rows: RowBits | null;
  /** How many they are; never 0. */
  readonly count: number;
}

export interface FoundRows {
  /** All files that had to be looked at, and what was found is in some of them. */
  readonly candidates: readonly AddFile[];
  /** In the order of the candidates. */
  readonly files: readonly FileRows[];
}

/** Files in one statement of the engine, at most. */
const GROUP_FILES_MAX = 32;
/** Bytes of data files in one group, unless one file is larger. */
const GROUP_BYTES_MAX = 128 * 1024 * 1024;
/** Rows of a file that the engine tells of at a time. */
const BLOCK_ROWS = 65_536;

/**
 * The rows for which the condition is true. A file whose partition decides, or any where there is no condition, is taken
 * whole without being read. Memory: a bit for each row of a file with some.
 * Errors: those of translating the condition (invalid), `ENGINE_VALUE`, `TABLE_FILE_MISSING` (data), those of the store.
 */
export async function findRows(search: RowSearch): Promise<FoundRows> {
  const { snapshot, where } = search;
  // Also where no file is left: what is wrong with a condition must not depend on the rows.
  if (where !== null) translateCondition(where, rowScope(snapshot.schema));
  const none: StructType = { kind: 'struct', fields: [] };
  const candidates = [...liveFiles(snapshot, { where, statistics: none })].map((file, place) => ({
    ...file,
    place,
    partitionValues: partitionValuesOf(file.add, partitionFields(snapshot)),
  }));
  const found: (FileRows | null)[] = candidates.map(() => null);
  const [whole, open] = divided(candidates, (file) => isWhole(search, file));
  await inParallel(whole, WHOLE_FILES_MAX, async (file) => {
    found[file.place] = await wholeFile(search, file);
  });
  await inParallel(groupsOf(open), ENGINE_STATEMENTS_MAX, async (group) => {
    search.signal?.throwIfAborted();
    const rows = await searchFiles(search, group);
    for (const [index, file] of group.entries()) found[file.place] = rows[index] ?? null;
  });
  return {
    candidates: candidates.map(({ add }) => add),
    files: found.flatMap((file) => (file === null || file.count === 0 ? [] : [file])),
  };
}

/** The alias of the rows of a relation, in the SQL of conditions and values over them. */
export const ROW = '"the row"';

/** The columns of a row, always qualified: an alias of a SELECT may have the name of one. */
export function rowScope({ fields }: StructType): Scope {
  return fields.map(({ name, type }) => ({ name, type, sql: `${ROW}.${identifier(name)}` }));
}

/** Requests for footers that are under way at once, of files that no statistics tell the rows of. */
const WHOLE_FILES_MAX = 16;

interface Candidate extends LiveFile {
  readonly place: number;
  readonly partitionValues: PartitionValues;
}

function isWhole(
  { snapshot: { schema }, where }: RowSearch,
  { partitionValues }: Candidate,
): boolean {
  return where === null || evaluatePredicate(where, { schema, partitionValues }) === 'true';
}

async function wholeFile({ ctx }: RowSearch, file: Candidate): Promise<FileRows> {
  const { add, partitionValues, statistics } = file;
  const known = statistics?.rowCount ?? null;
  const storedCount = known ?? (await footerRowCount(ctx, add));
  const count = storedCount - (add.deletionVector?.cardinality ?? 0);
  return { add, partitionValues, storedCount, rows: null, count };
}

async function footerRowCount(ctx: TableContext, add: AddFile): Promise<number> {
  const { rowCount } = await dataFileFooter({
    ...(await fileAt(ctx, add.path)),
    sizeBytes: add.size,
  });
  return rowCount;
}

async function searchFiles(
  search: RowSearch,
  files: readonly Candidate[],
): Promise<readonly FileRows[]> {
  const { ctx, signal } = search;
  const session = await search.session();
  const stage = await LocalStage.open();
  try {
    const counts = await inParallel(files, GROUP_FILES_MAX, async ({ add }) => {
      const footer = await stage.footer({ ...(await fileAt(ctx, add.path)), sizeBytes: add.size });
      return footer.rowCount;
    });
    const bits = counts.map((count) => new Uint8Array(Math.ceil(count / 8)));
    const sql = await blocksSql(search, stage, files);
    for await (const { columns, rowCount } of session.stream(
      sql,
      signal === undefined ? {} : { signal },
    )) {
      for (let index = 0; index < rowCount; index += 1) {
        const [file, block, blob] = columns.map((column) => column[index]);
        assert(blob instanceof Uint8Array, 'the rows of a block come as bytes');
        const rows = bits[Number(file)];
        const start = (Number(block) * BLOCK_ROWS) / 8;
        // The last block of a file is longer than the file.
        rows?.set(blob.subarray(0, rows.length - start), start);
      }
    }
    return files.map((file, index) => fileRows(file, counts[index] ?? 0, bits[index]));
  } finally {
    await stage.close();
  }
}

/** File, block, and the rows of the block as bits. */
async function blocksSql(
  { ctx, snapshot, where }: RowSearch,
  stage: LocalStage,
  files: readonly Candidate[],
): Promise<string> {
  const { schema, partitionColumns } = snapshot;
  assert(where !== null, 'without a condition all files are taken whole');
  const columns = columnsRead(where, schema);
  const [file, row] = [unusedName(schema, 'file number'), unusedName(schema, 'row number')];
  const relations = await tableRelations(ctx, stage, snapshot, {
    files: files.map(({ add }) => add),
    columns,
  });
  const relation = relationSql(relations, {
    schema: columns,
    partitionColumns,
    mapping: mappingOf(snapshot),
    fileIndex: file,
    rowNumber: row,
  });
  const size = String(BLOCK_ROWS);
  return (
    `SELECT file, row // ${size} AS block, CAST(bitstring_agg(CAST(row % ${size} AS INTEGER), 0, ` +
    `${String(BLOCK_ROWS - 1)}) AS BLOB) FROM (SELECT ${identifier(file)} AS file, ` +
    `${identifier(row)} AS row FROM (${relation}) AS ${ROW} WHERE ${translateCondition(where, rowScope(schema))}) ` +
    'GROUP BY ALL'
  );
}

function fileRows(
  { add, partitionValues }: Candidate,
  storedCount: number,
  bits: RowBits | undefined,
): FileRows {
  assert(bits !== undefined, 'each file has its rows');
  const count = countRows(bits);
  const liveCount = storedCount - (add.deletionVector?.cardinality ?? 0);
  return { add, partitionValues, storedCount, rows: count === liveCount ? null : bits, count };
}

function divided<T>(items: readonly T[], test: (item: T) => boolean): readonly [T[], T[]] {
  const [yes, no]: [T[], T[]] = [[], []];
  for (const item of items) (test(item) ? yes : no).push(item);
  return [yes, no];
}

function groupsOf(files: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const groups: Candidate[][] = [];
  let sizeBytes = 0;
  for (const file of files) {
    const group = groups.at(-1);
    const isFull =
      group === undefined ||
      group.length === GROUP_FILES_MAX ||
      sizeBytes + file.add.size > GROUP_BYTES_MAX;
    if (isFull) {
      groups.push([file]);
      sizeBytes = file.add.size;
    } else {
      group.push(file);
      sizeBytes += file.add.size;
    }
  }
  return groups;
}
