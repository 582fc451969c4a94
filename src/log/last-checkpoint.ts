/** The hint at the newest checkpoint. PROTOCOL.md, "Last Checkpoint File". */

import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  printJson,
} from '../base/index.ts';
import type { Action } from './actions.ts';
import { decodeAction } from './decode.ts';
import { LAST_CHECKPOINT_PATH } from './file-names.ts';
import { jsonChecksums } from './json-checksum.ts';

export interface LastCheckpoint {
  readonly version: number;
  /** Actions in the checkpoint. */
  readonly size: number;
  /** Files it is written in, where there are several. */
  readonly parts?: number;
  /** Bytes of the checkpoint. */
  readonly sizeInBytes?: number;
  readonly numOfAddFiles?: number;
  /** Of a V2 checkpoint: where it is, and what it holds beside its sidecars. */
  readonly v2Checkpoint?: JsonObject;
}

/** A hint as it was found. */
export interface CheckpointHint {
  readonly version: number;
  /** What the checkpoint's own file holds, where the hint repeats all of it and vouches for that by a checksum. */
  readonly contents: CheckpointCopy | null;
}

export interface CheckpointCopy {
  /** The file's name. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly actions: readonly Action[];
}

/**
 * What the hint says, or null where it is torn, is no hint, or its checksum is not that of its members: then the log is
 * listed from its start.
 */
export function parseLastCheckpoint(bytes: Uint8Array): CheckpointHint | null {
  try {
    return parseHint(new TextDecoder().decode(bytes));
  } catch {
    // A cache that others overwrite in place: half of it is as good as none.
    return null;
  }
}

/** The hint's bytes: `version`, `size` and `parts` come first, as old readers look for them at the start. */
export function printLastCheckpoint(hint: LastCheckpoint): Uint8Array {
  const { version, size, parts, ...rest } = hint;
  const members = { version, size, parts, ...rest };
  const [checksum] = jsonChecksums(printJson(members));
  return new TextEncoder().encode(printJson({ ...members, checksum }));
}

function parseHint(text: string): CheckpointHint | null {
  const value = parseJson(text);
  if (!isJsonObject(value)) return null;
  const { version, size, checksum } = value;
  if (!isCount(version) || !isCount(size)) return null;
  if (checksum === undefined || checksum === null) return { version, contents: null };
  if (typeof checksum !== 'string' || !jsonChecksums(text).includes(checksum)) return null;
  return { version, contents: copyOf(value['v2Checkpoint']) };
}

/** Only with sidecars, which then have all file actions; without, the checkpoint's own file has some that the hint leaves out. */
function copyOf(value: JsonValue | undefined): CheckpointCopy | null {
  if (!isJsonObject(value)) return null;
  const { path, sizeInBytes, nonFileActions, sidecarFiles } = value;
  if (typeof path !== 'string' || !isCount(sizeInBytes)) return null;
  if (!isObjectList(nonFileActions) || !isObjectList(sidecarFiles)) return null;
  if (nonFileActions.length === 0 || sidecarFiles.length === 0) return null;
  const lines = [...nonFileActions, ...sidecarFiles.map((sidecar) => ({ sidecar }))];
  const actions = lines.flatMap((line) => decodeAction(line, LAST_CHECKPOINT_PATH, 1));
  return { name: path.slice(path.lastIndexOf('/') + 1), sizeBytes: sizeInBytes, actions };
}

function isObjectList(value: JsonValue | undefined): value is readonly JsonObject[] {
  return Array.isArray(value) && value.every((item) => isJsonObject(item));
}

function isCount(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
