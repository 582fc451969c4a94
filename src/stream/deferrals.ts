/**
 * Files that could not be read when a run came to them: still uploading, or gone since they were listed. They are tried
 * again by the next run, and rejected by it. `deferred.json` in the checkpoint directory remembers them between runs;
 * Spark does not look at it. It is a hint: where it is lost, a file gets one try more.
 */

import { isJsonObject, type JsonValue, parseJson, printJson } from '../base/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import { readText } from './write-once.ts';

const FILE = 'deferred.json';

export interface Deferral {
  /** Below the root of the source. */
  readonly path: StorePath;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly code: string;
  readonly reason: string;
  /** Where the source stood: an entry of its log beyond this one has settled the file since. */
  readonly logOffset: number;
}

export async function readDeferrals(checkpoint: ObjectStore): Promise<readonly Deferral[]> {
  const text = await readText(checkpoint, FILE);
  return text === null ? [] : parseDeferrals(text);
}

/** Replaces what is remembered. */
export async function writeDeferrals(
  checkpoint: ObjectStore,
  deferrals: readonly Deferral[],
): Promise<void> {
  const text = printJson(deferrals.map((deferral) => ({ ...deferral })));
  await checkpoint.put(FILE, Buffer.from(text, 'utf8'), { kind: 'overwrite' });
}

function parseDeferrals(text: string): Deferral[] {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    // A torn hint is as good as none: its files are deferred once more.
    return [];
  }
  return Array.isArray(value) ? value.flatMap(parseDeferral) : [];
}

function parseDeferral(value: JsonValue): Deferral[] {
  if (!isJsonObject(value)) return [];
  const { path, sizeBytes, modifiedMs, code, reason, logOffset } = value;
  const known =
    typeof path === 'string' &&
    typeof sizeBytes === 'number' &&
    typeof modifiedMs === 'number' &&
    typeof code === 'string' &&
    typeof reason === 'string' &&
    typeof logOffset === 'number';
  return known ? [{ path, sizeBytes, modifiedMs, code, reason, logOffset }] : [];
}
