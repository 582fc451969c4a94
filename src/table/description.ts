/**
 * What a table is told to be: its protocol and metadata, and what follows for them from properties and columns.
 * PROTOCOL.md, "Table Features", "Column Mapping".
 */

import type { Random } from '../base/index.ts';
import {
  featureNamed,
  FEATURES,
  featuresInUse,
  knownFeature,
  type Metadata,
  type Protocol,
  supportsFeature,
  withFeatures,
  withVersions,
} from '../log/index.ts';
import {
  assignMapping,
  type DataType,
  findField,
  type MappingMode,
  mappingMode,
  parseSchema,
  printSchema,
  type StructField,
  type StructType,
  withoutMapping,
} from '../schema/index.ts';
import { propertyInvalid } from './errors.ts';
import { CHANGE_COLUMNS } from './ops/change-columns.ts';
import { checkProperties, FEATURE_PREFIX, isKeptByWriters } from './property-rules.ts';

export interface Description {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
}

export interface PropertyChange {
  readonly set?: Readonly<Record<string, string>>;
  readonly unset?: readonly string[];
}

/** Of the table before: null for a new one, whose columns no file has yet. */
export interface DescribeOptions {
  readonly before: Description | null;
  readonly random: Random;
}

/**
 * The description with properties set and unset, and with the features that these and the columns need. The protocol is
 * only ever raised. `delta.minReaderVersion`, `delta.minWriterVersion` and `delta.feature.` say what it is to be, and are no
 * properties of the table. Errors: `PROPERTY_INVALID`, `FEATURE_UNKNOWN`, `FEATURE_UNSUPPORTED`.
 */
export function withProperties(
  description: Description,
  { set = {}, unset = [] }: PropertyChange,
  options: DescribeOptions,
): Description {
  const checked = checkProperties(set);
  const configuration = { ...description.metadata.configuration };
  for (const key of unset) {
    if (isKeptByWriters(key)) throw propertyInvalid(key, 'is kept by writers and cannot be unset');
    delete configuration[key];
  }
  const features: string[] = [];
  const versions = { reader: 1, writer: 1 };
  for (const [key, value] of Object.entries(checked)) {
    if (key.startsWith(FEATURE_PREFIX))
      features.push(featureNamed(key.slice(FEATURE_PREFIX.length)));
    else if (key === 'delta.minReaderVersion') versions.reader = Number(value);
    else if (key === 'delta.minWriterVersion') versions.writer = Number(value);
    else configuration[key] = value;
  }
  const raised = withFeatures(withVersions(description.protocol, versions), features);
  const metadata = { ...description.metadata, configuration };
  return completed({ protocol: raised, metadata }, options);
}

/** The description with the features, ids and names that its properties and columns ask for. Errors: `PROPERTY_INVALID`. */
export function completed(description: Description, options: DescribeOptions): Description {
  const { before } = options;
  const schema = parseSchema(description.metadata.schemaString);
  const used = [
    ...featuresOfProperties(description.metadata),
    ...featuresOfColumns(schema),
    ...featuresOfMarks(description.metadata),
  ];
  const protocol = withFeatures(description.protocol, used);
  const metadata = mapped(description.metadata, schema, options);
  checkMappingChange(before?.metadata ?? null, metadata);
  checkTogether(protocol, metadata);
  return { protocol, metadata };
}

/** The property that puts a feature to use; null for none. */
export function propertyOf(feature: string): string | null {
  return knownFeature(feature)?.property?.key ?? null;
}

function featuresOfProperties({ configuration }: Metadata): readonly string[] {
  return FEATURES.filter(({ property }) => {
    const value = property === undefined ? undefined : configuration[property.key];
    return value !== undefined && property?.on.test(value) === true;
  }).map(({ name }) => name);
}

/** What columns ask for by their types; PROTOCOL.md, "Timestamp without timezone", "Variant Data Type". */
export function featuresOfColumns(type: DataType): readonly string[] {
  switch (type.kind) {
    case 'struct':
      return type.fields.flatMap((field) => featuresOfColumns(field.type));
    case 'array':
      return featuresOfColumns(type.element);
    case 'map':
      return [...featuresOfColumns(type.key), ...featuresOfColumns(type.value)];
    case 'primitive':
      if (type.name === 'timestamp_ntz') return ['timestampNtz'];
      return type.name === 'variant' ? ['variantType'] : [];
    default:
      return [];
  }
}

/** What the metadata of fields puts to use. */
const MARKED: readonly string[] = [
  'allowColumnDefaults',
  'generatedColumns',
  'identityColumns',
  'invariants',
];

function featuresOfMarks(metadata: Metadata): readonly string[] {
  const inUse = featuresInUse(metadata);
  return MARKED.filter((name) => inUse.has(name));
}

/** With ids and physical names where the mode asks for them: a column that has files goes on by its own name in them. */
function mapped(metadata: Metadata, schema: StructType, options: DescribeOptions): Metadata {
  const { configuration } = metadata;
  if (modeOf(configuration) === 'none') return metadata;
  const wasMapped = modeOf(options.before?.metadata.configuration ?? {}) !== 'none';
  const isOwn = options.before !== null && !wasMapped;
  // Without a mapping, what fields have of one is left from elsewhere, and files know nothing of it.
  const own = wasMapped ? schema : withoutMapping(schema);
  const { schema: assigned, maxId } = assignMapping(own, {
    maxId: Number(configuration['delta.columnMapping.maxColumnId'] ?? 0),
    physicalName: (field: StructField) => (isOwn ? field.name : `col-${options.random.uuid()}`),
    nestedIds: isOn(configuration, 'delta.enableIcebergCompatV2'),
  });
  return {
    ...metadata,
    schemaString: printSchema(assigned),
    configuration: {
      ...configuration,
      'delta.columnMapping.maxColumnId': String(maxId),
    },
  };
}

/** Files that are there were written by one mode: they can go on by name only, and only from none. */
function checkMappingChange(before: Metadata | null, { configuration }: Metadata): void {
  if (before === null) return;
  const [from, to] = [modeOf(before.configuration), modeOf(configuration)];
  if (from === to || (from === 'none' && to === 'name')) return;
  throw propertyInvalid(
    'delta.columnMapping.mode',
    `cannot go from ${from} to ${to}: the files that are there would have to be rewritten`,
  );
}

/** Properties that do not go together, in the words of the protocol's own rules. */
function checkTogether(protocol: Protocol, metadata: Metadata): void {
  const { configuration, partitionColumns } = metadata;
  const manifest = 'delta.compatibility.symlinkFormatManifest.enabled';
  const vectors = isOn(configuration, 'delta.enableDeletionVectors');
  const isMapped = modeOf(configuration) !== 'none';
  if (isOn(configuration, manifest) && (vectors || isMapped)) {
    const feature = vectors ? 'delta.enableDeletionVectors' : 'delta.columnMapping.mode';
    throw propertyInvalid(
      feature,
      `cannot be set together with ${manifest}, whose readers open the files as they stand`,
    );
  }
  const suspended = 'delta.rowTrackingSuspended';
  if (isOn(configuration, suspended) && isOn(configuration, 'delta.enableRowTracking')) {
    throw propertyInvalid(
      suspended,
      'does not go with delta.enableRowTracking: no ids would come with new rows',
    );
  }
  const feed = 'delta.enableChangeDataFeed';
  const taken = isOn(configuration, feed) ? changeColumnIn(metadata) : null;
  if (taken !== null) {
    throw propertyInvalid(feed, `does not go with a column ${taken}, whose name changes need`);
  }
  if (partitionColumns.length > 0 && supportsFeature(protocol, 'clustering')) {
    throw propertyInvalid('delta.feature.clustering', 'does not go with partitions');
  }
}

/** The column, if there is one, that rows of changes could not be told from their own. */
function changeColumnIn({ schemaString }: Metadata): string | null {
  const schema = parseSchema(schemaString);
  return CHANGE_COLUMNS.find(({ name }) => findField(schema, name) !== null)?.name ?? null;
}

function modeOf(configuration: Readonly<Record<string, string>>): MappingMode {
  return mappingMode(configuration) ?? 'none';
}

function isOn(configuration: Readonly<Record<string, string>>, key: string): boolean {
  return configuration[key]?.toLowerCase() === 'true';
}
