/**
 * Names of the files in `_delta_log`. PROTOCOL.md, "Delta Log Entries", "Checkpoints", "Log Compaction Files",
 * "Version Checksum File". Patterns are anchored: temporary files, `.json.crc` and files nobody knows live there too.
 */

/** The folder of the log, below the table. */
export const LOG_FOLDER = '_delta_log';
/** The hint at the newest checkpoint: a cache that may be missing, old or torn. */
export const LAST_CHECKPOINT_PATH = `${LOG_FOLDER}/_last_checkpoint`;

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
  | {
      readonly kind: 'checkpointV2';
      readonly version: number;
      readonly uuid: string;
      readonly format: 'json' | 'parquet';
    }
  | { readonly kind: 'compacted'; readonly version: number; readonly endVersion: number }
  | { readonly kind: 'checksum'; readonly version: number };

const PATTERN =
  /^(\d{20})\.(?:(json)|(crc)|(checkpoint\.parquet)|checkpoint\.(\d{10})\.(\d{10})\.parquet|checkpoint\.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.(json|parquet)|(\d{20})\.compacted\.json)$/;

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
  const uuid = match[7];
  if (uuid !== undefined) {
    return {
      kind: 'checkpointV2',
      version,
      uuid,
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

/** `_delta_log/00000000000000000010.crc` */
export function checksumPath(version: number): string {
  return `${versionPrefix(version)}.crc`;
}

/** What all files of a version start with; sorts before each of them and after those of every earlier version. */
export function versionPrefix(version: number): string {
  return `${LOG_FOLDER}/${String(version).padStart(20, '0')}`;
}

function partOf(version: number, part: number, parts: number): LogFileName | null {
  return part >= 1 && part <= parts ? { kind: 'checkpointPart', version, part, parts } : null;
}
