/** Table properties that are known, and the values that they take. PROTOCOL.md, "Table Properties"; names are Spark's. */

import { featureNamed, featureUnsupported } from '../log/index.ts';
import { propertyInvalid } from './errors.ts';
import { commonInterval } from './interval.ts';
import { parseSizeBytes } from './properties.ts';

export const FEATURE_PREFIX = 'delta.feature.';
export const CONSTRAINT_PREFIX = 'delta.constraints.';

/**
 * Properties that a user sets, with their values as every engine reads them: some take `TRUE` or `Name` for nothing at all.
 * Keys without `delta.` are anybody's own. `PROPERTY_INVALID` for an unknown key, a constraint or a value that is not allowed,
 * `FEATURE_UNKNOWN` for `delta.feature.` with a name that is none, `FEATURE_UNSUPPORTED` for one that would put a feature to use
 * which is not supported here.
 */
export function checkProperties(
  properties: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => {
      if (key.startsWith(FEATURE_PREFIX)) checkFeature(key, value);
      else if (/^delta\./i.test(key)) return [key, checkProperty(key, value)];
      return [key, value];
    }),
  );
}

interface Rule {
  readonly allows: string;
  /** The value as it is to stand in the table; null where it is not allowed. */
  readonly read: (value: string) => string | null;
}

const FLAG: Rule = {
  allows: 'true or false',
  read: (value) => (/^(true|false)$/i.test(value) ? value.toLowerCase() : null),
};
const DURATION: Rule = {
  allows: "a duration such as 'interval 7 days'",
  read: commonInterval,
};
const TEXT: Rule = { allows: 'a text', read: (value) => (value === '' ? null : value) };

function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): Rule {
  const end = maximum === Number.MAX_SAFE_INTEGER ? 'on' : `to ${maximum}`;
  return {
    allows: `a whole number from ${minimum} ${end}`,
    read: (value) => {
      const isAllowed =
        /^-?\d+$/.test(value) && Number(value) >= minimum && Number(value) <= maximum;
      return isAllowed ? value : null;
    },
  };
}

function oneOf(...values: readonly string[]): Rule {
  return {
    allows: values.join(' or '),
    read: (value) => values.find((each) => each.toLowerCase() === value.toLowerCase()) ?? null,
  };
}

const RULES: Readonly<Record<string, Rule>> = {
  'delta.appendOnly': FLAG,
  'delta.autoOptimize.autoCompact': FLAG,
  'delta.autoOptimize.optimizeWrite': FLAG,
  'delta.checkpoint.writeStatsAsJson': FLAG,
  'delta.checkpoint.writeStatsAsStruct': FLAG,
  'delta.checkpointInterval': wholeNumber(1),
  'delta.checkpointPolicy': oneOf('classic', 'v2'),
  'delta.columnMapping.mode': oneOf('none', 'name', 'id'),
  'delta.compatibility.symlinkFormatManifest.enabled': FLAG,
  'delta.dataSkippingNumIndexedCols': wholeNumber(-1),
  'delta.dataSkippingStatsColumns': TEXT,
  'delta.dataSkippingStringPrefixLength': wholeNumber(1),
  'delta.deletedFileRetentionDuration': DURATION,
  'delta.enableChangeDataFeed': FLAG,
  'delta.enableDeletionVectors': FLAG,
  'delta.enableExpiredLogCleanup': FLAG,
  'delta.enableIcebergCompatV1': FLAG,
  'delta.enableIcebergCompatV2': FLAG,
  'delta.enableInCommitTimestamps': FLAG,
  'delta.enableRowTracking': FLAG,
  'delta.enableTypeWidening': FLAG,
  'delta.enableVariantShredding': FLAG,
  'delta.isolationLevel': oneOf('Serializable'),
  'delta.logRetentionDuration': DURATION,
  'delta.minReaderVersion': wholeNumber(1, 3),
  'delta.minWriterVersion': wholeNumber(1, 7),
  'delta.parquet.compression.codec': oneOf('snappy', 'zstd', 'gzip', 'uncompressed'),
  'delta.parquet.format.version': oneOf('1.0.0'),
  'delta.rowTrackingSuspended': FLAG,
  'delta.randomPrefixLength': wholeNumber(1),
  'delta.randomizeFilePrefixes': FLAG,
  'delta.setTransactionRetentionDuration': DURATION,
  'delta.targetFileSize': {
    allows: "a size such as '134217728' or '128mb'",
    read: (value) => (parseSizeBytes(value) === null ? null : value),
  },
  // Files are given one size here, whatever wrote them: what it asks for is no one's duty.
  'delta.tuneFileSizesForRewrites': FLAG,
};

/** Properties that put features to use of which nothing is known here. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['delta.enableicebergcompatv3', 'icebergCompatV3'],
  ['delta.enableicebergwritercompatv1', 'icebergWriterCompatV1'],
  ['delta.enableicebergwritercompatv3', 'icebergWriterCompatV3'],
  ['delta.universalformat.enabledformats', 'metadata of other formats beside the log'],
]);

/** What writers keep for themselves: told to others, and not for users to set. */
const KEPT_BY_WRITERS: ReadonlySet<string> = new Set([
  'delta.columnMapping.maxColumnId',
  'delta.inCommitTimestampEnablementTimestamp',
  'delta.inCommitTimestampEnablementVersion',
  'delta.requireCheckpointProtectionBeforeVersion',
  'delta.rowTracking.materializedRowCommitVersionColumnName',
  'delta.rowTracking.materializedRowIdColumnName',
]);

/** Whether writers keep this property for themselves. */
export function isKeptByWriters(key: string): boolean {
  return KEPT_BY_WRITERS.has(key);
}

function checkFeature(key: string, value: string): void {
  featureNamed(key.slice(FEATURE_PREFIX.length));
  if (/^(supported|enabled)$/i.test(value)) return;
  throw propertyInvalid(key, 'takes supported; a feature goes by being dropped', { value });
}

function checkProperty(key: string, value: string): string {
  if (key.toLowerCase().startsWith(CONSTRAINT_PREFIX)) {
    const name = key.slice(CONSTRAINT_PREFIX.length);
    const why = `rows that are there must keep to it: call addConstraint('${name}', …) instead`;
    throw propertyInvalid(key, `is no property to set, as ${why}`, { value });
  }
  const unsupported = UNSUPPORTED.get(key.toLowerCase());
  if (unsupported !== undefined) {
    throw featureUnsupported('write', [unsupported], { property: key, value });
  }
  if (isKeptByWriters(key)) throw propertyInvalid(key, 'is kept by writers and cannot be set');
  const rule = RULES[key];
  if (rule === undefined) {
    const folded = key.toLowerCase();
    const near = Object.keys(RULES).find((known) => known.toLowerCase() === folded);
    const cure = near === undefined ? 'check its spelling' : `it is spelled ${near}`;
    throw propertyInvalid(key, `is not one that Delta knows; ${cure}`);
  }
  const read = rule.read(value);
  if (read === null) throw propertyInvalid(key, `takes ${rule.allows}`, { value });
  return read;
}
