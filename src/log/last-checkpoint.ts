/** The hint at the newest checkpoint. PROTOCOL.md, "Last Checkpoint File". */

import { isJsonObject, type JsonValue, parseJson, printJson } from '../base/index.ts';

export interface LastCheckpoint {
  readonly version: number;
  /** Actions in the checkpoint. */
  readonly size: number;
  /** Files it is written in, where there are several. */
  readonly parts?: number;
  /** Bytes of the checkpoint. */
  readonly sizeInBytes?: number;
  readonly numOfAddFiles?: number;
}

/** What the hint says, or null where it is torn or is no hint: then the log is listed from its start. */
export function parseLastCheckpoint(bytes: Uint8Array): LastCheckpoint | null {
  let value: JsonValue;
  try {
    value = parseJson(new TextDecoder().decode(bytes));
  } catch {
    // A cache that others overwrite in place: half of it is as good as none.
    return null;
  }
  if (!isJsonObject(value)) return null;
  const { version, size, parts } = value;
  if (!isCount(version) || !isCount(size)) return null;
  return isCount(parts) ? { version, size, parts } : { version, size };
}

/** The hint's bytes: `version`, `size` and `parts` come first, as old readers look for them at the start. */
export function printLastCheckpoint(hint: LastCheckpoint): Uint8Array {
  const { version, size, parts, ...rest } = hint;
  return new TextEncoder().encode(printJson({ version, size, parts, ...rest }));
}

function isCount(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
