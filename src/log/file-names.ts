/**
 * Names of the files in `_delta_log`. PROTOCOL.md, "Delta Log Entries", "Checkpoints", "Log Compaction Files",
 * "Version Checksum File". Patterns are anchored: temporary files, `.json.crc` and files nobody knows live there too.
 */

import { pathKey } from './file-key.ts';

/** The folder of the log, below the table. */
export const LOG_FOLDER = '_delta_log';
/** The hint at the newest checkpoint: a cache that may be missing, old or torn. */
export const LAST_CHECKPOINT_PATH = `${LOG_FOLDER}/_last_checkpoint`;

/** Where the sidecars of V2 checkpoints are. */
export const SIDECAR_FOLDER = `${LOG_FOLDER}/_sidecars`;
const STAGED_FOLDER = `${LOG_FOLDER}/_staged_commits`;

/** What a file of the log is, by its name alone. */
export type LogFileName =
  | { readonly kind: 'commit'; readonly version: number }
  | { readonly kind: 'checkpoint'; readonly version: number }
  /** One of `parts` files; the checkpoint is there only when all of them are. `part` counts from 1. */
  | {
      readonly kind: 'checkpointPart';
      readonly version: number;
      readonly part: number;
      readonly parts: number;
    }
  /** `unique` should be a UUID; Spark takes any text without a dot, and so do we. */
  | {
      readonly kind: 'checkpointV2';
      readonly version: number;
      readonly unique: string;
      readonly format: 'json' | 'parquet';
    }
  | { readonly kind: 'compacted'; readonly version: number; readonly endVersion: number }
  | { readonly kind: 'checksum'; readonly version: number };

const PATTERN =
  /^(\d{20})\.(?:(json)|(crc)|(checkpoint\.parquet)|checkpoint\.(\d{10})\.(\d{10})\.parquet|checkpoint\.([^./]+)\.(json|parquet)|(\d{20})\.compacted\.json)$/;

/** What the file `name` (without folder) is, or null where it is none of the log's own. */
export function parseLogFileName(name: string): LogFileName | null {
  const match = PATTERN.exec(name);
  if (match === null) return null;
  const version = Number(match[1]);
  if (!Number.isSafeInteger(version)) return null;
  if (match[2] !== undefined) return { kind: 'commit', version };
  if (match[3] !== undefined) return { kind: 'checksum', version };
  if (match[4] !== undefined) return { kind: 'checkpoint', version };
  const part = match[5];
  const parts = match[6];
  if (part !== undefined && parts !== undefined)
    return partOf(version, Number(part), Number(parts));
  const unique = match[7];
  if (unique !== undefined) {
    return {
      kind: 'checkpointV2',
      version,
      unique,
      format: match[8] === 'json' ? 'json' : 'parquet',
    };
  }
  const endVersion = Number(match[9]);
  return endVersion > version ? { kind: 'compacted', version, endVersion } : null;
}

/** `_delta_log/00000000000000000007.json` */
export function commitPath(version: number): string {
  return `${versionPrefix(version)}.json`;
}

/** `_delta_log/00000000000000000010.checkpoint.parquet` */
export function checkpointPath(version: number): string {
  return `${versionPrefix(version)}.checkpoint.parquet`;
}

/** `_delta_log/00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json`, of the V2 spec. */
export function uniqueCheckpointPath(version: number, unique: string): string {
  return `${versionPrefix(version)}.checkpoint.${unique}.json`;
}

/** `_delta_log/00000000000000000010.crc` */
export function checksumPath(version: number): string {
  return `${versionPrefix(version)}.crc`;
}

/** `_delta_log/00000000000000000004.00000000000000000006.compacted.json`, of the commits from `start` to `end`. */
export function compactedPath(start: number, end: number): string {
  return `${versionPrefix(start)}.${padded(end)}.compacted.json`;
}

/**
 * The sidecar that a `sidecar` action names: URL-encoded, by its name alone or with folders, which say nothing, as
 * sidecars are always in the table's own folder. PROTOCOL.md, "Sidecar File Information".
 */
export function sidecarPath(path: string): string {
  return `${SIDECAR_FOLDER}/${pathKey(path.slice(path.lastIndexOf('/') + 1))}`;
}

const STAGED_NAME =
  /^(\d{20})\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.json$/i;

/** The path of a staged commit, by its file name; null where that is no such name, or names another version. */
export function stagedCommitPath(version: number, name: string): string | null {
  const match = STAGED_NAME.exec(name);
  return match !== null && match[1] === padded(version) ? `${STAGED_FOLDER}/${name}` : null;
}

/** What all files of a version start with; sorts before each of them and after those of every earlier version. */
export function versionPrefix(version: number): string {
  return `${LOG_FOLDER}/${padded(version)}`;
}

function padded(version: number): string {
  return String(version).padStart(20, '0');
}

function partOf(version: number, part: number, parts: number): LogFileName | null {
  return part >= 1 && part <= parts ? { kind: 'checkpointPart', version, part, parts } : null;
}
