/**
 * The features of the protocol, one a line: what all else that is said of features comes from. PROTOCOL.md, "Valid Feature
 * Names in Table Features", and the RFCs of those that have no place there yet.
 */

import type { TableTraits } from './table-traits.ts';

/**
 * What a commit does to a table: changes its description alone, adds rows, takes rows from files to files and changes none,
 * only takes rows away, gives rows new values, does both and adds rows by a source, brings rows that were held to what the table
 * asks of rows in the place of others or of none (`checked`), or changes rows in another way.
 */
export type WriteScope =
  'description' | 'append' | 'rearrange' | 'delete' | 'update' | 'checked' | 'rewrite';

export interface TableFeature {
  readonly name: string;
  /** Whether readers must know it too. */
  readonly isForReaders: boolean;
  /** Features that a table with this one cannot be without. */
  readonly needs: readonly string[];
  /** The writer version below 7 that has it, and all those before it. */
  readonly sinceWriter?: number;
  /** What writers called it before it was part of the protocol. */
  readonly earlyName?: string;
  /** The table property that puts it to use, and the values that do. */
  readonly property?: { readonly key: string; readonly on: RegExp };
  /** Whether the table uses it, as far as that matters to writers. Without this, it does where the feature is listed. */
  readonly isInUse?: (traits: TableTraits) => boolean;
  /** Whether it can be read: always, or only with the commits that its catalog tells. */
  readonly reads: 'always' | 'with catalog';
  /** Commits that are not made to a table that uses it. */
  readonly refuses: readonly WriteScope[];
  /** Whether it asks nothing, when it is listed, of writers who began before: or what is done at each try to commit. */
  readonly isHarmless: boolean;
}

type Told = Pick<TableFeature, 'name'> & Partial<TableFeature>;

function forWriters(told: Told): TableFeature {
  const usual = {
    isForReaders: false,
    needs: [],
    reads: 'always',
    refuses: [],
    isHarmless: true,
  } as const;
  return { ...usual, ...told };
}

function forAll(told: Told): TableFeature {
  return forWriters({ isForReaders: true, ...told });
}

function flag(key: string): Required<Pick<TableFeature, 'property'>> {
  return { property: { key, on: /^true$/i } };
}

/** In use where its property says so. */
function switched(key: string): Required<Pick<TableFeature, 'property' | 'isInUse'>> {
  return { ...flag(key), isInUse: ({ isOn }) => isOn(key) };
}

/** In use where a field of the schema has metadata whose key begins so. */
function marked(prefix: string): Required<Pick<TableFeature, 'isInUse'>> {
  return { isInUse: ({ fieldKeys }) => [...fieldKeys].some((key) => key.startsWith(prefix)) };
}

/** What Iceberg asks is checked at each commit, but that files have the values of partition columns, which those made here lack. */
function convertible(key: string): Required<Pick<TableFeature, 'property' | 'isInUse'>> {
  return { ...flag(key), isInUse: ({ isOn, isPartitioned }) => isOn(key) && isPartitioned };
}

function typed(name: string): Required<Pick<TableFeature, 'isInUse'>> {
  return { isInUse: ({ typeNames }) => typeNames.has(name) };
}

/** Of rules that are not evaluated for rows that come in so: rows that are there already keep to them. */
const NEW_ROWS: readonly WriteScope[] = ['append', 'rewrite'];
/** Of what files must be like. */
const NEW_FILES: readonly WriteScope[] = [
  'append',
  'rearrange',
  'delete',
  'update',
  'checked',
  'rewrite',
];
const EVERYTHING: readonly WriteScope[] = ['description', ...NEW_FILES];

export const FEATURES: readonly TableFeature[] = [
  forWriters({
    name: 'allowColumnDefaults',
    ...marked('CURRENT_DEFAULT'),
    refuses: NEW_ROWS,
  }),
  forWriters({
    name: 'appendOnly',
    sinceWriter: 2,
    ...flag('delta.appendOnly'),
    // What removes rows is refused at each commit.
  }),
  forAll({
    name: 'catalogManaged',
    earlyName: 'catalogOwned-preview',
    needs: ['inCommitTimestamp'],
    reads: 'with catalog',
    refuses: EVERYTHING,
    isHarmless: false,
  }),
  forWriters({
    name: 'changeDataFeed',
    sinceWriter: 4,
    ...switched('delta.enableChangeDataFeed'),
    // What a commit only adds is the change; PROTOCOL.md, "Reader Requirements for AddCDCFile".
    refuses: ['rewrite'],
  }),
  forWriters({
    name: 'checkConstraints',
    sinceWriter: 3,
    isInUse: ({ propertyKeys }) =>
      propertyKeys.some((key) => key.toLowerCase().startsWith('delta.constraints.')),
    refuses: NEW_ROWS,
  }),
  // Asks something of those who clean up the log alone.
  forWriters({ name: 'checkpointProtection' }),
  forWriters({
    name: 'clustering',
    needs: ['domainMetadata'],
    // Rows need not be clustered by those who write them.
    isHarmless: false,
  }),
  forAll({
    name: 'columnMapping',
    sinceWriter: 5,
    property: { key: 'delta.columnMapping.mode', on: /^(?:id|name)$/i },
    isInUse: ({ isMapped }) => isMapped,
    refuses: ['rewrite'],
  }),
  forAll({
    name: 'deletionVectors',
    ...flag('delta.enableDeletionVectors'),
    refuses: ['rewrite'],
  }),
  forWriters({ name: 'domainMetadata' }),
  forWriters({
    name: 'generatedColumns',
    sinceWriter: 4,
    ...marked('delta.generationExpression'),
    refuses: NEW_ROWS,
  }),
  forWriters({
    name: 'icebergCompatV1',
    needs: ['columnMapping'],
    ...convertible('delta.enableIcebergCompatV1'),
    refuses: NEW_FILES,
    isHarmless: false,
  }),
  forWriters({
    name: 'icebergCompatV2',
    needs: ['columnMapping'],
    ...convertible('delta.enableIcebergCompatV2'),
    refuses: NEW_FILES,
    isHarmless: false,
  }),
  forWriters({
    name: 'identityColumns',
    sinceWriter: 6,
    ...marked('delta.identity.'),
    refuses: NEW_ROWS,
  }),
  // Every commit carries its time where the table wants it.
  forWriters({
    name: 'inCommitTimestamp',
    ...flag('delta.enableInCommitTimestamps'),
  }),
  forWriters({
    name: 'invariants',
    sinceWriter: 2,
    ...marked('delta.invariants'),
    refuses: NEW_ROWS,
  }),
  forWriters({
    name: 'materializePartitionColumns',
    isInUse: ({ isPartitioned }) => isPartitioned,
    refuses: NEW_FILES,
    isHarmless: false,
  }),
  forWriters({
    name: 'rowTracking',
    needs: ['domainMetadata'],
    ...flag('delta.enableRowTracking'),
  }),
  forAll({
    name: 'timestampNtz',
    earlyName: 'timestampWithoutTimezone',
  }),
  forAll({
    name: 'typeWidening',
    earlyName: 'typeWidening-preview',
    ...flag('delta.enableTypeWidening'),
    ...marked('delta.typeChanges'),
    refuses: ['rewrite'],
  }),
  forAll({
    name: 'v2Checkpoint',
    property: { key: 'delta.checkpointPolicy', on: /^v2$/i },
    // Asks for nothing: a classic checkpoint of the V1 spec may be written for any table.
  }),
  forAll({ name: 'vacuumProtocolCheck' }),
  forAll({
    name: 'variantShredding',
    needs: ['variantType'],
    earlyName: 'variantShredding-preview',
    ...flag('delta.enableVariantShredding'),
    ...typed('variant'),
    refuses: NEW_FILES,
    isHarmless: false,
  }),
  forAll({
    name: 'variantType',
    earlyName: 'variantType-preview',
    ...typed('variant'),
    refuses: NEW_FILES,
  }),
];

const BY_NAME: ReadonlyMap<string, TableFeature> = new Map(
  FEATURES.flatMap((feature) => {
    const { name, earlyName } = feature;
    return earlyName === undefined
      ? [[name, feature]]
      : [
          [name, feature],
          [earlyName, feature],
        ];
  }),
);

/** The feature of this name, or early name; null where it is none that is known. */
export function knownFeature(name: string): TableFeature | null {
  return BY_NAME.get(name) ?? null;
}
