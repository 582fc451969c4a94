/** CONVERT: a folder of Parquet files becomes a table as it stands, by one commit; no file is touched or decoded. */

import { isDeltaError, unreachable } from '../../base/index.ts';
import { type Action, type AddFile, LOG_FOLDER } from '../../log/index.ts';
import {
  fileSchema,
  footerStatistics,
  judgeVerbatim,
  type ParquetFooter,
} from '../../parquet/index.ts';
import {
  encodePath,
  evolveSchema,
  findField,
  parsePartitionValue,
  printPartitionValue,
  printStatistics,
  type StructType,
} from '../../schema/index.ts';
import type { ObjectMeta } from '../../store/index.ts';
import { commitTransaction } from '../commit.ts';
import { describeTable, type Preset } from '../create.ts';
import { atTable, tableExists } from '../errors.ts';
import { openSnapshot } from '../open.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { folderPartition, inferPartitions } from './convert-partitions.ts';
import { convertFileUnfit, convertInvalid } from './housekeeping-errors.ts';
import { storedFooter } from './input-stage.ts';

export interface ConvertOptions {
  /**
   * The columns that folders name (`date=2024-01-01/`), in the order of the folders. Default: what the folders of the first file
   * name, each of them `date`, `bigint` or `string`, whichever the texts of all files are.
   */
  readonly partitionSchema?: StructType;
  /** Table properties; those of `delta.` are checked. Default none. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly preset?: Preset;
  readonly name?: string;
  readonly description?: string;
  readonly signal?: AbortSignal;
}

export interface ConvertResult {
  /** `unchanged`: there was a table already. */
  readonly kind: 'committed' | 'unchanged';
  readonly snapshot: Snapshot;
  readonly fileCount: number;
  readonly rowCount: number;
  readonly sizeBytes: number;
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

/**
 * Makes the folder of `ctx` a table of all the Parquet files below it, but those whose names, or whose folders', begin with `_`
 * or `.`. Its columns are those of all files together, and the statistics those that footers prove. A file that engines would
 * not read alike with the others is refused by its name, such as one with another type for a column. Errors:
 * `CONVERT_INVALID`, `CONVERT_FILE_UNFIT`, `TABLE_EXISTS` where another writer made the table at the same moment, those of
 * footers, of partition values, of creating a table and of the store.
 */
export async function convert(
  ctx: TableContext,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  return atTable(ctx.store.uri, async () => {
    const there = await openIfThere(ctx);
    if (there !== null) return resultOf('unchanged', there, [], []);
    const files = await readFiles(ctx, options);
    const partitions =
      options.partitionSchema ?? inferPartitions(files.map(({ meta }) => meta.path));
    const schema = schemaOf(files, partitions);
    const adds = files.map((file) => addOf(file, schema, partitions, options));
    const partitionBy = partitions.fields.map(({ name }) => name);
    const description = describeTable(ctx, { ...options, schema, partitionBy }, { hasFiles: true });
    const { protocol, metadata } = description;
    const outcome = await commitTransaction(ctx, null, {
      operation: 'CONVERT',
      operationParameters: {
        numFiles: String(files.length),
        partitionedBy: JSON.stringify(metadata.partitionColumns),
        collectStats: 'true',
        sourceFormat: 'parquet',
      },
      operationMetrics: { numConvertedFiles: String(files.length) },
      actions: [
        { kind: 'protocol', protocol },
        { kind: 'metaData', metaData: metadata },
        ...adds.map((add): Action => ({ kind: 'add', add })),
      ],
      reads: { kind: 'nothing' },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    switch (outcome.kind) {
      case 'committed':
        return resultOf('committed', outcome.snapshot, files, outcome.postCommitErrors);
      case 'applied':
      case 'conflict':
        throw tableExists(ctx.store.uri);
      default:
        return unreachable(outcome);
    }
  });
}

interface SourceFile {
  readonly meta: ObjectMeta;
  readonly footer: ParquetFooter;
}

async function openIfThere(ctx: TableContext): Promise<Snapshot | null> {
  try {
    return await openSnapshot(ctx);
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return null;
    throw error;
  }
}

async function readFiles(
  { store }: TableContext,
  { partitionSchema, signal }: ConvertOptions,
): Promise<readonly SourceFile[]> {
  const named = partitionSchema?.fields.map(({ name }) => `${name}=`) ?? [];
  const isHidden = (path: string): boolean =>
    path
      .split('/')
      .some((part) => /^[_.]/.test(part) && !named.some((prefix) => part.startsWith(prefix)));
  const metas: ObjectMeta[] = [];
  const skip = (path: string): boolean => {
    const inner = path.indexOf(`/${LOG_FOLDER}/`);
    if (inner > 0) throw convertInvalid(`there is a table in ${path.slice(0, inner)} already`);
    return isHidden(path);
  };
  for await (const meta of store.list('', { recursive: true, skip })) {
    // Spark leaves empty files where a folder stands for one in an object store.
    if (meta.sizeBytes > 0) metas.push(meta);
  }
  if (metas.length === 0) throw convertInvalid('there is no Parquet file in it');
  return inParallel(metas, STORE_REQUESTS_MAX, async (meta) => {
    signal?.throwIfAborted();
    const { path, sizeBytes } = meta;
    return { meta, footer: await storedFooter({ store, path, sizeBytes }) };
  });
}

/** The columns of all files, as the first one spells them, and those of the folders behind them. */
function schemaOf(files: readonly SourceFile[], partitions: StructType): StructType {
  let schema: StructType = { kind: 'struct', fields: [] };
  for (const { meta, footer } of files) {
    const suggested = fileSchema(footer);
    const [omitted] = suggested.omitted;
    if (omitted !== undefined) {
      throw convertFileUnfit(meta.path, `column ${omitted.column}: ${omitted.reason}`);
    }
    const evolved = evolveSchema(schema, suggested.schema, 'add');
    if (evolved.kind === 'refused') {
      throw convertFileUnfit(
        meta.path,
        `column ${evolved.column}: ${evolved.reason}, by files before it`,
      );
    }
    ({ schema } = evolved);
  }
  const own = schema.fields.filter(({ name }) => findField(partitions, name) === null);
  return { ...schema, fields: [...own, ...partitions.fields] };
}

function addOf(
  { meta, footer }: SourceFile,
  schema: StructType,
  partitions: StructType,
  { properties = {} }: ConvertOptions,
): AddFile {
  const { path, sizeBytes, modifiedMs } = meta;
  const partitionColumns = partitions.fields.map(({ name }) => name);
  const manifest = properties['delta.compatibility.symlinkFormatManifest.enabled'];
  const verdict = judgeVerbatim(footer, schema, {
    partitionColumns,
    columnsInOrder: manifest?.toLowerCase() === 'true',
    // As Spark wrote them for years, and every engine of the lake reads them.
    allowInt96: true,
  });
  if (verdict.kind === 'reject') throw convertFileUnfit(path, verdict.reason);
  if (verdict.kind === 'decode') throw convertFileUnfit(path, verdict.reasons.join('; '));
  const taken = partitionColumns.find((name) =>
    footer.columns.some((node) => node.name.toLowerCase() === name.toLowerCase()),
  );
  if (taken !== undefined) {
    throw convertFileUnfit(path, `it holds the column ${taken}, which its folders name too`);
  }
  const fields = schema.fields.filter(({ name }) => !partitionColumns.includes(name));
  const held: StructType = { ...schema, fields };
  return {
    path: encodePath(path),
    partitionValues: valuesOf(path, partitions),
    size: sizeBytes,
    modificationTime: modifiedMs,
    dataChange: true,
    stats: printStatistics(footerStatistics(footer, held), held, { configuration: properties }),
  };
}

/** The values that the folders name, as a log spells them. Errors: `CONVERT_FILE_UNFIT`. */
function valuesOf(path: string, partitions: StructType): Readonly<Record<string, string | null>> {
  const found = folderPartition(path);
  const names = found.map(([name]) => name);
  if (names.join('/') !== partitions.fields.map(({ name }) => name).join('/')) {
    const wanted = partitions.fields.map(({ name }) => `${name}=…`).join('/');
    throw convertFileUnfit(path, `its folders are not ${wanted === '' ? 'none' : wanted}`);
  }
  return Object.fromEntries(
    partitions.fields.map(({ name, type }, index) => {
      const text = found[index]?.[1] ?? null;
      try {
        return [name, printPartitionValue(parsePartitionValue(text, type), type)];
      } catch (error) {
        if (!isDeltaError(error)) throw error;
        throw convertFileUnfit(path, `its folder names no value of ${name}: ${error.message}`);
      }
    }),
  );
}

function resultOf(
  kind: ConvertResult['kind'],
  snapshot: Snapshot,
  files: readonly SourceFile[],
  postCommitErrors: readonly Error[],
): ConvertResult {
  return {
    kind,
    snapshot,
    fileCount: files.length,
    rowCount: files.reduce((sum, { footer }) => sum + footer.rowCount, 0),
    sizeBytes: files.reduce((sum, { meta }) => sum + meta.sizeBytes, 0),
    postCommitErrors,
  };
}
