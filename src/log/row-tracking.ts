/**
 * Row ids: each file has the id of its first row and the version its rows came with, and the table a mark that no
 * id has passed. PROTOCOL.md, "Row Tracking". All of it depends on what others committed before, so it is computed anew
 * at each try to commit.
 */

import { isJsonObject, type JsonValue, parseJson } from '../base/index.ts';
import { parseSchema, physicalName } from '../schema/index.ts';
import type { Action, AddFile, DomainMetadata, Metadata, Protocol } from './actions.ts';
import {
  featureUnsupported,
  rowIdColumnTaken,
  rowIdsNeedStatistics,
  rowTrackingIncomplete,
} from './errors.ts';
import { pathKey } from './file-key.ts';
import type { LogState } from './state.ts';
import { isOn } from './table-traits.ts';

/** Where the mark is kept. */
export const ROW_TRACKING_DOMAIN = 'delta.rowTracking';

const ENABLED = 'delta.enableRowTracking';
const ROW_ID_COLUMN = 'delta.rowTracking.materializedRowIdColumnName';
const COMMIT_VERSION_COLUMN = 'delta.rowTracking.materializedRowCommitVersionColumnName';

/** Whether new files get row ids. */
export function assignsRowIds(protocol: Protocol, metadata: Metadata): boolean {
  return (
    (protocol.writerFeatures?.includes('rowTracking') ?? false) &&
    !isOn(metadata, 'delta.rowTrackingSuspended')
  );
}

/** Whether readers may count on row ids that stay: then rows that move to other files must take theirs along. */
export function isRowTrackingEnabled(metadata: Metadata): boolean {
  return isOn(metadata, ENABLED);
}

/**
 * The names of the columns in which files hold ids and commit versions of rows that came from other files; null where the table
 * never had any. They are in no schema.
 */
export function rowIdColumnNames({ configuration }: Pick<Metadata, 'configuration'>): {
  readonly id: string;
  readonly commitVersion: string;
} | null {
  const [id, commitVersion] = [configuration[ROW_ID_COLUMN], configuration[COMMIT_VERSION_COLUMN]];
  return id === undefined || commitVersion === undefined ? null : { id, commitVersion };
}

/** The highest id that a row of the table was ever given; -1 before the first. */
export function rowIdHighWaterMark(state: Pick<LogState, 'domains'>): bigint {
  const domain = state.domains.get(ROW_TRACKING_DOMAIN);
  return domain === null ? -1n : (markOf(domain) ?? -1n);
}

/**
 * The actions with row ids: a file that was there keeps its own, one that brings its own keeps them too, and all others
 * get fresh ones behind the mark, which is moved on. `ROW_IDS_NEED_STATISTICS` for a file whose rows nobody counted.
 */
export function withRowIds(
  actions: readonly Action[],
  { base, version }: { readonly base: LogState | null; readonly version: number },
): readonly Action[] {
  const start = base === null ? -1n : rowIdHighWaterMark(base);
  let mark = start;
  const numbered: Action[] = [];
  for (const action of actions) {
    if (action.kind === 'domainMetadata' && action.domainMetadata.domain === ROW_TRACKING_DOMAIN) {
      mark = maximum(mark, markOf(action.domainMetadata) ?? -1n);
    } else if (action.kind === 'remove') {
      const live = base?.files.get(pathKey(action.remove.path)) ?? null;
      numbered.push({ kind: 'remove', remove: { ...action.remove, ...idsOf(live) } });
    } else if (action.kind === 'add') {
      const live = base?.files.get(pathKey(action.add.path)) ?? null;
      const known = { ...action.add, ...idsOf(live) };
      const { baseRowId = toLong(mark + 1n), defaultRowCommitVersion = version } = known;
      const rowCount = rowCountOf(known);
      if (rowCount === null) throw rowIdsNeedStatistics(known.path);
      mark = maximum(mark, BigInt(baseRowId) + BigInt(rowCount) - 1n);
      numbered.push({ kind: 'add', add: { ...known, baseRowId, defaultRowCommitVersion } });
    } else numbered.push(action);
  }
  return mark === start ? numbered : [markAction(mark), ...numbered];
}

/** The metadata of a table that keeps row ids, with the names of the columns in which files hold those that moved. */
export function withRowIdColumns(metadata: Metadata, id: string): Metadata {
  if (!isRowTrackingEnabled(metadata)) return metadata;
  return {
    ...metadata,
    configuration: {
      [ROW_ID_COLUMN]: `_row-id-col-${id}`,
      [COMMIT_VERSION_COLUMN]: `_row-commit-version-col-${id}`,
      ...metadata.configuration,
    },
  };
}

/** `ROW_ID_COLUMN_TAKEN` where a column of the table has the name of one that is none: files could not tell them apart. */
export function checkRowIdColumns(metadata: Metadata): void {
  const names = Object.values(rowIdColumnNames(metadata) ?? {}).map((name) => name.toLowerCase());
  if (names.length === 0) return;
  const taken = parseSchema(metadata.schemaString).fields.find((field) =>
    [field.name, physicalName(field)].some((name) => names.includes(name.toLowerCase())),
  );
  if (taken !== undefined) throw rowIdColumnTaken(taken.name);
}

/**
 * `ROW_TRACKING_INCOMPLETE` where row tracking is being enabled while a file of the table has no row ids yet.
 * PROTOCOL.md, "Writer Requirements for Row Tracking".
 */
export function checkRowIdsComplete(
  base: Pick<LogState, 'files' | 'metadata'>,
  metadata: Metadata,
  actions: readonly Action[],
): void {
  if (isRowTrackingEnabled(base.metadata) || !isRowTrackingEnabled(metadata)) return;
  const handled = new Set(
    actions.flatMap((action) => {
      if (action.kind === 'add') return [pathKey(action.add.path)];
      return action.kind === 'remove' ? [pathKey(action.remove.path)] : [];
    }),
  );
  for (const file of base.files.values()) {
    if (file.baseRowId !== undefined || handled.has(pathKey(file.path))) continue;
    throw rowTrackingIncomplete(file.path);
  }
}

/**
 * `FEATURE_UNSUPPORTED` for an operation that writes rows into other files without their ids, on a table whose readers count on
 * them.
 */
export function checkKeepsRowIds(
  { protocol, metadata }: Pick<LogState, 'protocol' | 'metadata'>,
  operation: string,
): void {
  if (!isRowTrackingEnabled(metadata)) return;
  const { minReaderVersion, minWriterVersion } = protocol;
  throw featureUnsupported(
    'write',
    [`rowTracking by ${operation}`],
    { readerVersion: minReaderVersion, writerVersion: minWriterVersion, operation },
    'it moves rows, and would give them new row ids: use an operation that keeps them, or unset delta.enableRowTracking',
  );
}

/** The file without what it had in a table whose ids are not counted on. */
export function withoutRowIds({
  baseRowId: _id,
  defaultRowCommitVersion: _version,
  ...add
}: AddFile): AddFile {
  return add;
}

/** Of the file as it stands in its storage: rows that a deletion vector hides are counted. Null where nobody counted them. */
export function rowCountOf({ stats }: Pick<AddFile, 'stats'>): number | null {
  const count = stats === undefined ? undefined : memberOf(stats, 'numRecords');
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

/** Whether rows that were in the table leave their files for new ones; a file that brings its row ids has them still. */
export function movesRows(actions: readonly Action[], base: Pick<LogState, 'files'>): boolean {
  const removes = actions.some(({ kind }) => kind === 'remove');
  return (
    removes &&
    actions.some(
      (action) =>
        action.kind === 'add' &&
        action.add.baseRowId === undefined &&
        base.files.get(pathKey(action.add.path)) === null,
    )
  );
}

function markAction(mark: bigint): Action {
  return {
    kind: 'domainMetadata',
    domainMetadata: {
      domain: ROW_TRACKING_DOMAIN,
      configuration: `{"rowIdHighWaterMark":${mark}}`,
      removed: false,
    },
  };
}

function markOf({ configuration }: DomainMetadata): bigint | null {
  const mark = memberOf(configuration, 'rowIdHighWaterMark');
  if (typeof mark === 'bigint') return mark;
  return typeof mark === 'number' && Number.isSafeInteger(mark) ? BigInt(mark) : null;
}

function idsOf(live: AddFile | null): Pick<AddFile, 'baseRowId' | 'defaultRowCommitVersion'> {
  if (live?.baseRowId === undefined) return {};
  const { baseRowId, defaultRowCommitVersion } = live;
  return {
    baseRowId,
    ...(defaultRowCommitVersion === undefined ? {} : { defaultRowCommitVersion }),
  };
}

function memberOf(text: string, name: string): JsonValue | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value[name] : undefined;
  } catch {
    // No JSON text holds nothing that is known; what is missing is told of where it is needed.
    return undefined;
  }
}

/** As `parseJson` gives it. */
function toLong(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
