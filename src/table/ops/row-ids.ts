/**
 * The ids of rows on their way to other files: read beside the rows, and written behind their columns, so that each row is
 * known again. PROTOCOL.md, "Row Tracking".
 */

import type { RowIdColumns, RowIdDefaults } from '../../engine/index.ts';
import { type AddFile, isRowTrackingEnabled, rowIdColumnNames } from '../../log/index.ts';
import { LONG, type StructField } from '../../schema/index.ts';
import type { Snapshot } from '../types.ts';
import { rowIdsMissing } from './errors.ts';

/** What a row's id and commit version are called in rows that are read, as in Spark. */
export const ROW_ID_NAMES = ['_metadata.row_id', '_metadata.row_commit_version'] as const;

/**
 * The columns in which files of the table hold row ids and commit versions, where readers count on them; else null.
 * Errors: `ROW_IDS_MISSING` (data) where the table does not say which they are.
 */
export function rowIdColumnsOf({ metadata }: Pick<Snapshot, 'metadata'>): RowIdColumns | null {
  if (!isRowTrackingEnabled(metadata)) return null;
  const names = rowIdColumnNames(metadata);
  if (names === null) throw rowIdsMissing('its properties do not name the columns of row ids');
  return { id: longField(names.id), commitVersion: longField(names.commitVersion) };
}

/** What the log says of the rows of a file. Errors: `ROW_IDS_MISSING` (data). */
export function rowIdDefaults({
  path,
  baseRowId,
  defaultRowCommitVersion,
}: AddFile): RowIdDefaults {
  if (baseRowId === undefined || defaultRowCommitVersion === undefined) {
    throw rowIdsMissing(`the log gives the rows of ${path} none`);
  }
  return { firstId: baseRowId, commitVersion: defaultRowCommitVersion };
}

/** The fields of the columns in files; none for null. */
export function rowIdFields(columns: RowIdColumns | null): readonly StructField[] {
  return columns === null ? [] : [columns.id, columns.commitVersion];
}

function longField(name: string): StructField {
  return { name, type: LONG, nullable: true, metadata: {} };
}
