/** What vacuums leave behind in the log: how far the last one got. The file, its name and its member are Spark's. */

import { isJsonObject, type JsonValue, parseJson } from '../../base/index.ts';
import { LOG_FOLDER } from '../../log/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { readIfThere } from '../log-files.ts';

const PATH = `${LOG_FOLDER}/_last_vacuum_info`;
const MEMBER = 'latestCommitVersionOutsideOfRetentionWindow';

/** What was removed up to this version is deleted; null where no vacuum said so. A hint: a broken one says nothing. */
export async function readVacuumedTo(store: ObjectStore): Promise<number | null> {
  const bytes = await readIfThere(store, PATH);
  if (bytes === null) return null;
  let value: JsonValue;
  try {
    value = parseJson(new TextDecoder().decode(bytes));
  } catch {
    // As if it were not there: then a lite vacuum reads the whole log, or asks for a full one.
    return null;
  }
  const version = isJsonObject(value) ? value[MEMBER] : null;
  return typeof version === 'number' && Number.isSafeInteger(version) ? version : null;
}

export async function writeVacuumedTo(store: ObjectStore, version: number): Promise<void> {
  const text = `${JSON.stringify({ [MEMBER]: version })}\n`;
  await store.put(PATH, new TextEncoder().encode(text), { kind: 'overwrite' });
}
