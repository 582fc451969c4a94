/** Table properties as they are read, with their defaults. PROTOCOL.md, "Table Properties"; names and defaults are Spark's. */

import type { Metadata } from '../log/index.ts';
import { parseInterval } from './interval.ts';

/** Commits from one checkpoint to the next. Default 10. */
export function checkpointInterval(metadata: Metadata): number {
  const interval = Number(metadata.configuration['delta.checkpointInterval'] ?? 10);
  // A value that others wrote wrong costs the table nothing but the default pace.
  return Number.isSafeInteger(interval) && interval > 0 ? interval : 10;
}

/** How long a checkpoint keeps the tombstones of removed files, in milliseconds. Default a week. */
export function deletedFileRetentionMs(metadata: Metadata): number {
  const text = metadata.configuration['delta.deletedFileRetentionDuration'];
  const week = 604_800_000;
  return text === undefined ? week : (parseInterval(text) ?? week);
}

/** How long a checkpoint keeps transactions that are not updated, in milliseconds; null, the default: for ever. */
export function txnRetentionMs(metadata: Metadata): number | null {
  const text = metadata.configuration['delta.setTransactionRetentionDuration'];
  return text === undefined ? null : parseInterval(text);
}

/** Commits that one log compaction file stands for, so many at a time; null, the default, for none. A property of our own. */
export function logCompactionInterval({ configuration }: Metadata): number | null {
  const interval = Number(configuration['deltawright.logCompactionInterval'] ?? 0);
  return Number.isSafeInteger(interval) && interval > 1 ? interval : null;
}

/** Whether each commit gets a checksum file, and not those with a checkpoint alone. Default false. A property of our own. */
export function hasChecksums({ configuration }: Metadata): boolean {
  return configuration['deltawright.versionChecksums']?.toLowerCase() === 'true';
}

/** How long the log keeps commits, in milliseconds. Default 30 days. */
export function logRetentionMs(metadata: Metadata): number {
  const text = metadata.configuration['delta.logRetentionDuration'];
  const month = 2_592_000_000;
  return text === undefined ? month : (parseInterval(text) ?? month);
}

/** The first version whose checkpoints need no protection; infinite where that cannot be told, so that none is deleted. */
export function protectedBefore({ configuration }: Metadata): number {
  const version = Number(configuration['delta.requireCheckpointProtectionBeforeVersion'] ?? 0);
  return Number.isNaN(version) ? Number.POSITIVE_INFINITY : version;
}

/** Whether what the log need not keep may be deleted. Default true. */
export function isLogCleanupEnabled(metadata: Metadata): boolean {
  return metadata.configuration['delta.enableExpiredLogCleanup']?.toLowerCase() !== 'false';
}

/** Whether each commit brings the symlink manifest up to date. Default false. */
export function isManifestEnabled(metadata: Metadata): boolean {
  const value = metadata.configuration['delta.compatibility.symlinkFormatManifest.enabled'];
  return value?.toLowerCase() === 'true';
}

/** Length of the random folder names under which new files are spread. Default 0: none. */
export function filePrefixLength({ configuration }: Metadata): number {
  if (configuration['delta.randomizeFilePrefixes']?.toLowerCase() !== 'true') return 0;
  const length = Number(configuration['delta.randomPrefixLength'] ?? 2);
  return Number.isInteger(length) && length > 0 ? Math.min(length, PREFIX_LENGTH_MAX) : 2;
}

/** The digits of a UUID before its first dash. */
const PREFIX_LENGTH_MAX = 8;

/** Whether commits that bring files are followed by packing small ones. Default false. */
export function isAutoCompacted({ configuration }: Metadata): boolean {
  return configuration['delta.autoOptimize.autoCompact']?.toLowerCase() === 'true';
}

/** Size that files are packed to, in bytes. Default 128 MiB. */
export function targetFileSizeBytes(metadata: Metadata): number {
  const text = metadata.configuration['delta.targetFileSize'];
  const size = text === undefined ? null : parseSizeBytes(text);
  return size === null || size === 0 ? 128 * 1024 * 1024 : size;
}

/** A size such as `134217728`, `128mb` or `1 GB` in bytes, by powers of 1,024; null for anything else. */
export function parseSizeBytes(text: string): number | null {
  const [, digits, unit = ''] = /^(\d+) *([kmgt]?)b?$/i.exec(text.trim()) ?? [];
  if (digits === undefined) return null;
  return Number(digits) * 1024 ** ' kmgt'.indexOf(unit === '' ? ' ' : unit.toLowerCase());
}
