/**
 * What a table asks of those who read or write it. PROTOCOL.md, "Table Features". A feature that is listed but not
 * in use asks for nothing; one that is in use and not supported here is refused by its name.
 */

import type { JsonValue } from '../base/index.ts';
import { isJsonObject, parseJson } from '../base/index.ts';
import { mappingMode, parseSchema, unknownTypeChange } from '../schema/index.ts';
import type { Action, Metadata, Protocol } from './actions.ts';
import { featureUnsupported, logCorrupt, protocolInvalid } from './errors.ts';
import { canonicalName, readerFeatures, writerFeatures } from './table-features.ts';

/** Reader 1, writer 2: what every engine opens. */
export const PORTABLE_PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };

/**
 * Throws `FEATURE_UNSUPPORTED` naming what stands in the way of reading, or `PROTOCOL_INVALID` for a protocol that
 * contradicts itself.
 */
export function checkReadable(
  protocol: Protocol,
  metadata: Metadata,
  { hasCatalog = false }: ReaderOptions = {},
): void {
  checkShape(protocol);
  const missing = readerFeatures(protocol).filter(
    (name) => !isReadable(name, metadata) && !(hasCatalog && CATALOG_FEATURES.has(name)),
  );
  if (missing.length === 0) {
    checkTypeChanges(protocol, metadata);
    return;
  }
  const cure = missing.every((name) => CATALOG_FEATURES.has(name)) ? ASK_CATALOG : undefined;
  throw featureUnsupported('read', missing, { ...versions(protocol) }, cure);
}

export interface ReaderOptions {
  /** Whether the catalog that manages the table tells its commits. Default false. */
  readonly hasCatalog?: boolean;
}

/** What a commit does to a table: changes its description alone, adds rows, or also takes files away. */
export type WriteScope = 'description' | 'append' | 'rewrite';

/** What a commit with these actions does. */
export function writeScope(actions: readonly Action[]): WriteScope {
  if (actions.some(({ kind }) => kind === 'remove' || kind === 'cdc')) return 'rewrite';
  return actions.some(({ kind }) => kind === 'add') ? 'append' : 'description';
}

/** As `checkReadable`, for writing too; `scope`, by default `rewrite`, says how much is written. */
export function checkWritable(
  protocol: Protocol,
  metadata: Metadata,
  scope: WriteScope = 'rewrite',
): void {
  checkReadable(protocol, metadata, { hasCatalog: true });
  if (protocol.minWriterVersion > 7) {
    const name = `writer version ${protocol.minWriterVersion}`;
    throw featureUnsupported('write', [name], { ...versions(protocol) });
  }
  const use = featuresInUse(metadata);
  const missing = writerFeatures(protocol).filter((name) => {
    const canonical = canonicalName(name);
    if (WRITABLE.has(canonical) || (scope !== 'rewrite' && APPENDABLE.has(canonical))) return false;
    if (scope === 'description' && ASKS_OF_ROWS.has(canonical)) return false;
    return !INERT_UNLESS_USED.has(canonical) || use.has(canonical);
  });
  if (missing.length > 0) throw featureUnsupported('write', missing, { ...versions(protocol) });
}

/** Whether rows may only be appended. */
export function isAppendOnly(metadata: Metadata): boolean {
  return isOn(metadata, 'delta.appendOnly');
}

/** Whether each commit carries its own timestamp, which then counts instead of its file's. */
export function hasInCommitTimestamps(metadata: Metadata): boolean {
  return isOn(metadata, 'delta.enableInCommitTimestamps');
}

const READABLE: ReadonlySet<string> = new Set([
  'deletionVectors',
  'timestampNtz',
  'typeWidening',
  'v2Checkpoint',
  'vacuumProtocolCheck',
  'variantShredding',
  'variantType',
]);

const WRITABLE: ReadonlySet<string> = new Set([
  'appendOnly',
  // Asks something of those who clean up the log alone.
  'checkpointProtection',
  // Rows need not be clustered by those who write them.
  'clustering',
  'domainMetadata',
  // Every commit carries its time where the table wants it.
  'inCommitTimestamp',
  // New files get row ids, and what would move rows away from theirs is refused where they are to stay.
  'rowTracking',
  'timestampNtz',
  // Asks for nothing: a classic checkpoint of the V1 spec may be written for any table.
  'v2Checkpoint',
  'vacuumProtocolCheck',
]);

/** Features that those who add files heed, and those who rewrite files do not yet. */
const APPENDABLE: ReadonlySet<string> = new Set([
  'columnMapping',
  'deletionVectors',
  'typeWidening',
]);

/** Features that ask something of those who write rows, and nothing of those who change the description of a table. */
const ASKS_OF_ROWS: ReadonlySet<string> = new Set([
  'allowColumnDefaults',
  'changeDataFeed',
  'checkConstraints',
  'generatedColumns',
  'icebergCompatV1',
  'icebergCompatV2',
  'identityColumns',
  'invariants',
  'materializePartitionColumns',
  'variantShredding',
  'variantType',
]);

/** Tables whose newest commits a catalog knows, by both names of the feature. */
const CATALOG_FEATURES: ReadonlySet<string> = new Set(['catalogManaged', 'catalogOwned-preview']);
const ASK_CATALOG = 'open it with the commitSource of the catalog that manages it';

/** Features whose being listed changes nothing while the table does not use them. */
const INERT_UNLESS_USED: ReadonlySet<string> = new Set([
  'invariants',
  'checkConstraints',
  'changeDataFeed',
  'generatedColumns',
  'allowColumnDefaults',
  'columnMapping',
  'identityColumns',
]);

function isReadable(name: string, metadata: Metadata): boolean {
  const canonical = canonicalName(name);
  if (canonical === 'columnMapping') return mappingMode(metadata.configuration) !== null;
  return READABLE.has(canonical);
}

/** PROTOCOL.md, "Reader Requirements for Type Widening": a change of type that is not known is refused. */
function checkTypeChanges(protocol: Protocol, metadata: Metadata): void {
  if (!readerFeatures(protocol).some((name) => canonicalName(name) === 'typeWidening')) return;
  const change = unknownTypeChange(parseSchema(metadata.schemaString));
  if (change === null) return;
  throw featureUnsupported('read', [`typeWidening of ${change}`], { ...versions(protocol) });
}

/** PROTOCOL.md, "Protocol Evolution": lists come with exactly the versions 3 and 7, and 3 comes with 7. */
function checkShape(protocol: Protocol): void {
  const { minReaderVersion, minWriterVersion } = protocol;
  if (minReaderVersion === 3 && minWriterVersion !== 7) {
    throw protocolInvalid('reader version 3 needs writer version 7', { ...versions(protocol) });
  }
  if (
    protocol.readerFeatures !== undefined &&
    minReaderVersion < 3 &&
    protocol.readerFeatures.length > 0
  ) {
    throw protocolInvalid('reader features are listed below reader version 3', {
      ...versions(protocol),
    });
  }
}

/** Features that the metadata shows in use, of those whose being listed asks for nothing. */
export function featuresInUse(metadata: Metadata): ReadonlySet<string> {
  const use = new Set<string>();
  if (mappingMode(metadata.configuration) !== 'none') use.add('columnMapping');
  if (isOn(metadata, 'delta.enableChangeDataFeed')) use.add('changeDataFeed');
  if (Object.keys(metadata.configuration).some((key) => key.startsWith('delta.constraints.'))) {
    use.add('checkConstraints');
  }
  for (const key of schemaMetadataKeys(metadata)) {
    const feature = FIELD_FEATURES.find(([prefix]) => key.startsWith(prefix));
    if (feature !== undefined) use.add(feature[1]);
  }
  return use;
}

/** Keys in the metadata of a field that show a feature in use; a final dot stands for a family of keys. */
const FIELD_FEATURES: readonly (readonly [string, string])[] = [
  ['delta.invariants', 'invariants'],
  ['delta.generationExpression', 'generatedColumns'],
  ['delta.identity.', 'identityColumns'],
  ['CURRENT_DEFAULT', 'allowColumnDefaults'],
];

function schemaMetadataKeys(metadata: Metadata): ReadonlySet<string> {
  const keys = new Set<string>();
  const visit = (value: JsonValue | undefined): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isJsonObject(value)) {
      for (const [key, member] of Object.entries(value)) {
        if (key === 'metadata' && isJsonObject(member)) {
          for (const name of Object.keys(member)) keys.add(name);
        } else visit(member);
      }
    }
  };
  try {
    visit(parseJson(metadata.schemaString));
  } catch (error) {
    throw logCorrupt('metaData', 'schemaString is no JSON text', { cause: error });
  }
  return keys;
}

function isOn(metadata: Metadata, key: string): boolean {
  return metadata.configuration[key]?.toLowerCase() === 'true';
}

function versions(protocol: Protocol): { readerVersion: number; writerVersion: number } {
  return { readerVersion: protocol.minReaderVersion, writerVersion: protocol.minWriterVersion };
}
