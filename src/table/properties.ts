/**
 * Table properties: those of `delta.` that are known, checked when they are set, and read with their defaults.
 * PROTOCOL.md, "Table Properties"; names and defaults are Spark's.
 */

import { featureUnsupported, type Metadata } from '../log/index.ts';
import { propertyInvalid } from './errors.ts';
import { parseInterval } from './interval.ts';

/**
 * Checks properties that a user sets. Keys without `delta.` are anybody's own. `PROPERTY_INVALID` for an unknown key
 * or a value that is not allowed, `FEATURE_UNSUPPORTED` for one that would turn on a feature not supported here.
 */
export function checkProperties(properties: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('delta.')) checkProperty(key, value);
  }
}

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

/** Whether each commit brings the symlink manifest up to date. Default false. */
export function isManifestEnabled(metadata: Metadata): boolean {
  const value = metadata.configuration['delta.compatibility.symlinkFormatManifest.enabled'];
  return value?.toLowerCase() === 'true';
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

type Check = (value: string) => boolean;

interface Rule {
  readonly allows: string;
  readonly check: Check;
}

const FLAG: Rule = {
  allows: 'true or false',
  check: (value) => /^(true|false)$/i.test(value),
};
const OFF: Rule = { allows: 'false', check: (value) => /^false$/i.test(value) };
const DURATION: Rule = {
  allows: "a duration such as 'interval 7 days'",
  check: (value) => parseInterval(value) !== null,
};
const TEXT: Rule = { allows: 'a text', check: (value) => value !== '' };

function wholeNumber(minimum: number): Rule {
  return {
    allows: `a whole number from ${minimum} on`,
    check: (value) => /^-?\d+$/.test(value) && Number(value) >= minimum,
  };
}

const RULES: Readonly<Record<string, Rule>> = {
  'delta.appendOnly': FLAG,
  'delta.autoOptimize.autoCompact': FLAG,
  'delta.autoOptimize.optimizeWrite': FLAG,
  'delta.checkpoint.writeStatsAsJson': FLAG,
  'delta.checkpoint.writeStatsAsStruct': FLAG,
  'delta.checkpointInterval': wholeNumber(1),
  'delta.compatibility.symlinkFormatManifest.enabled': FLAG,
  'delta.dataSkippingNumIndexedCols': wholeNumber(-1),
  'delta.dataSkippingStatsColumns': TEXT,
  'delta.deletedFileRetentionDuration': DURATION,
  'delta.enableExpiredLogCleanup': FLAG,
  'delta.isolationLevel': {
    allows: 'Serializable',
    check: (value) => /^serializable$/i.test(value),
  },
  'delta.logRetentionDuration': DURATION,
  'delta.parquet.compression.codec': {
    allows: 'snappy, zstd, gzip or uncompressed',
    check: (value) => /^(snappy|zstd|gzip|uncompressed)$/i.test(value),
  },
  'delta.setTransactionRetentionDuration': DURATION,
  'delta.targetFileSize': {
    allows: "a size such as '134217728' or '128mb'",
    check: (value) => parseSizeBytes(value) !== null,
  },
};

/** Properties that stand for a feature: allowed only with the value that leaves it off. */
const FEATURES: Readonly<Record<string, { readonly feature: string; readonly rule: Rule }>> = {
  'delta.columnMapping.mode': {
    feature: 'columnMapping',
    rule: { allows: 'none', check: (value) => /^none$/i.test(value) },
  },
  'delta.enableChangeDataFeed': { feature: 'changeDataFeed', rule: OFF },
  'delta.enableDeletionVectors': { feature: 'deletionVectors', rule: OFF },
  'delta.enableIcebergCompatV1': { feature: 'icebergCompatV1', rule: OFF },
  'delta.enableIcebergCompatV2': { feature: 'icebergCompatV2', rule: OFF },
  'delta.enableInCommitTimestamps': { feature: 'inCommitTimestamp', rule: OFF },
  'delta.enableRowTracking': { feature: 'rowTracking', rule: OFF },
  'delta.enableTypeWidening': { feature: 'typeWidening', rule: OFF },
  'delta.checkpointPolicy': {
    feature: 'v2Checkpoint',
    rule: { allows: 'classic', check: (value) => /^classic$/i.test(value) },
  },
};

function checkProperty(key: string, value: string): void {
  const feature =
    FEATURES[key]?.feature ??
    (key.startsWith('delta.constraints.') ? 'checkConstraints' : null) ??
    (key.startsWith('delta.feature.') ? key.slice('delta.feature.'.length) : null);
  if (feature !== null) {
    if (FEATURES[key]?.rule.check(value) === true) return;
    throw featureUnsupported('write', [feature], { property: key, value });
  }
  const rule = RULES[key];
  if (rule === undefined) {
    throw propertyInvalid(key, 'is not one that Delta knows; check its spelling');
  }
  if (!rule.check(value)) throw propertyInvalid(key, `takes ${rule.allows}`, { value });
}
