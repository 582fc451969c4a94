/**
 * What the manifests of a table are: one small object beside their folder, outside it because some engines read every
 * file in there. Its name begins with `_`, so that nobody takes it for data and no vacuum removes it.
 *
 *     {"tableId":"…","tableUri":"s3://…","version":7,"manifestEtag":null,"emptied":[{"folder":"p=1","claim":null}]}
 */

import { isDeltaError, isJsonObject, type JsonValue, parseJson, printJson } from '../base/index.ts';
import type { ObjectContent, ObjectStore, PutMode } from '../store/index.ts';

export interface ManifestState {
  /** Of the table's metadata: another table at the same place has another one. */
  readonly tableId: string;
  /** Where the table was: manifests hold absolute paths, so that those of a moved table are no good. */
  readonly tableUri: string;
  /** Every manifest is of this version or of a later one. */
  readonly version: number;
  /** Of the manifest of a table without partition columns, so that another content in its place is noticed. */
  readonly manifestEtag: string | null;
  /** Partitions without files whose manifest, empty by now, is still there. */
  readonly emptied: readonly EmptiedPartition[];
}

export interface EmptiedPartition {
  readonly folder: string;
  /**
   * Who is deleting the manifest. A deletion takes no condition and may come late: until its owner says that it is
   * done, or `CLAIM_MS_MAX` is over, the manifest of a partition that has files again is written with each publication.
   */
  readonly claim: { readonly id: string; readonly sinceMs: number } | null;
}

/** Longer than any request can be on its way: S3 refuses one whose signature is older than a quarter of an hour. */
const CLAIM_MS_MAX = 3_600_000;

export interface FoundState {
  readonly state: ManifestState | null;
  /** Null where there is none. */
  readonly etag: string | null;
}

const STATE_PATH = '_symlink_format_manifest.state.json';

/** A state that cannot be read is none: all manifests are written again then. */
export async function readManifestState(store: ObjectStore): Promise<FoundState> {
  const found = await getIfThere(store, STATE_PATH);
  if (found === null) return { state: null, etag: null };
  return { state: parseState(new TextDecoder().decode(found.bytes)), etag: found.meta.etag };
}

/** The object, or null where there is none. */
export async function getIfThere(store: ObjectStore, path: string): Promise<ObjectContent | null> {
  try {
    return await store.get(path);
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) return null;
    throw error;
  }
}

/** False where another writer was first, or may have been. */
export async function writeManifestState(
  store: ObjectStore,
  state: ManifestState,
  found: FoundState,
): Promise<boolean> {
  const { tableId, tableUri, version, manifestEtag } = state;
  const emptied = state.emptied.map(({ folder, claim }) => ({
    folder,
    claim: claim === null ? null : { ...claim },
  }));
  const text = printJson({ tableId, tableUri, version, manifestEtag, emptied });
  const bytes = new TextEncoder().encode(`${text}\n`);
  return (await putExactly(store, STATE_PATH, bytes, found.etag)) !== null;
}

/** Writes where the object is still the one with this etag, or still missing; null where it is not, or may not be. */
export async function putExactly(
  store: ObjectStore,
  path: string,
  bytes: Uint8Array,
  etag: string | null,
): Promise<string | null> {
  const mode: PutMode = etag === null ? { kind: 'create' } : { kind: 'update', etag };
  try {
    const result = await store.put(path, bytes, mode);
    return result.kind === 'written' ? result.etag : null;
  } catch (error) {
    // Whoever starts over reads what is there, and so learns whether this was written.
    if (isDeltaError(error, 'STORE_OUTCOME_UNKNOWN')) return null;
    throw error;
  }
}

/** Whether a state speaks of this table at this place. */
export function isOf(
  state: ManifestState | null,
  store: ObjectStore,
  tableId: string,
): state is ManifestState {
  return state !== null && state.tableId === tableId && state.tableUri === store.uri;
}

/** Whether somebody may be deleting the manifest at this time. */
export function isClaimed(entry: EmptiedPartition, nowMs: number): boolean {
  return entry.claim !== null && nowMs - entry.claim.sinceMs < CLAIM_MS_MAX;
}

function parseState(text: string): ManifestState | null {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    // A torn or foreign file: the next publication replaces it.
    return null;
  }
  if (!isJsonObject(value)) return null;
  const { tableId, tableUri, version, manifestEtag = null, emptied } = value;
  if (typeof tableId !== 'string' || typeof tableUri !== 'string') return null;
  if (typeof version !== 'number' || !Array.isArray(emptied)) return null;
  if (typeof manifestEtag !== 'string' && manifestEtag !== null) return null;
  const partitions = emptied.flatMap(parseEmptied);
  return partitions.length === emptied.length
    ? { tableId, tableUri, version, manifestEtag, emptied: partitions }
    : null;
}

function parseEmptied(value: JsonValue): readonly EmptiedPartition[] {
  if (!isJsonObject(value)) return [];
  const { folder, claim } = value;
  if (typeof folder !== 'string') return [];
  if (!isJsonObject(claim)) return [{ folder, claim: null }];
  const { id, sinceMs } = claim;
  return typeof id === 'string' && typeof sinceMs === 'number'
    ? [{ folder, claim: { id, sinceMs } }]
    : [];
}
