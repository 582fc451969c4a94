/**
 * Files of changed rows, for those who follow a table by its changes. PROTOCOL.md, "Change Data Files", "Add CDC File".
 *
 * A commit with any such file must tell all of its changes by them: readers then look at nothing else of it.
 */

import { type Action, isOn, type Metadata } from '../../log/index.ts';
import type { StructType } from '../../schema/index.ts';
import type { FileTarget, StagedFile } from './append-file.ts';
import { type SelectWriter, stageSelect } from './append-select.ts';
import { CHANGE_TYPE } from './change-columns.ts';

/** What became of a row, as the column `_change_type` says it; an update is told by the row before and the row after. */
export type ChangeType = 'insert' | 'delete' | 'update_preimage' | 'update_postimage';

const FOLDER = '_change_data';

/** Whether a table wants to know what its commits change. */
export function recordsChanges(metadata: Metadata): boolean {
  return isOn(metadata, 'delta.enableChangeDataFeed');
}

/**
 * Writes the rows of one SELECT, which gives the columns of the table and `_change_type`, to files of changed rows:
 * one, or one for each partition. Errors: as for `stageSelect`.
 */
export async function stageChanges(
  writer: SelectWriter,
  select: string,
): Promise<readonly StagedFile[]> {
  return stageSelect({ ...writer, target: changeTarget(writer.target) }, select);
}

/** The action that names such a file. */
export function changeAction({ add: { path, partitionValues, size } }: StagedFile): Action {
  return { kind: 'cdc', cdc: { path, partitionValues, size, dataChange: false } };
}

function changeTarget(target: FileTarget): FileTarget {
  const withType = (schema: StructType): StructType => ({
    ...schema,
    fields: [...schema.fields, CHANGE_TYPE],
  });
  return {
    ...target,
    schema: withType(target.schema),
    fileSchema: withType(target.fileSchema),
    rowIds: null,
    place: { folder: FOLDER, name: 'cdc' },
  };
}
