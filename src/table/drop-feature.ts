/**
 * Features that are taken from a table. PROTOCOL.md, "Checkpoint Protection": what readers must know leaves traces in the log of
 * older versions, so that these are walled off by checkpoints, which must stay as long as the log before them.
 */

import {
  type Action,
  featureNamed,
  featuresInUse,
  isReaderFeature,
  type Metadata,
  supportsFeature,
  withFeatures,
  withoutFeature,
  withoutRowIds,
} from '../log/index.ts';
import { alter, type Alteration, type AlterResult, differences, unchanged } from './alter.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { featuresOfColumns, propertyOf } from './description.ts';
import { featureInUse } from './errors.ts';
import { listLog } from './log-files.ts';
import { tableSnapshot } from './snapshot.ts';
import type { Snapshot, TableContext } from './types.ts';

const BOUNDARY = 'delta.requireCheckpointProtectionBeforeVersion';

/**
 * Takes a feature from a table, with its property and what it alone put into the metadata. One that readers must know is
 * walled off from older versions: a checkpoint right before and at the commit, and the feature `checkpointProtection`, which
 * goes itself once the log before them is cleaned up. Errors: `FEATURE_UNKNOWN`, `FEATURE_NEEDED`; `FEATURE_IN_USE` where
 * columns rest on it or files would have to be rewritten; `ALTER_CONTENDED`, those of `commitTransaction` and of the store.
 */
export async function dropFeature(
  ctx: TableContext,
  snapshot: Snapshot,
  name: string,
): Promise<AlterResult> {
  const feature = featureNamed(name);
  if (!supportsFeature(snapshot.protocol, feature)) return unchanged(snapshot);
  const isWalled = isReaderFeature(feature) && feature !== 'vacuumProtocolCheck';
  const result = await alter(ctx, snapshot, async (latest): Promise<Alteration> => {
    const alteration = await dropping(ctx, latest, { feature, isWalled });
    if (isWalled && alteration.actions.length > 0) await writeCheckpoint(ctx, latest);
    return alteration;
  });
  if (isWalled && result.kind === 'committed') await writeCheckpoint(ctx, result.snapshot);
  return result;
}

async function dropping(
  ctx: TableContext,
  latest: Snapshot,
  { feature, isWalled }: { readonly feature: string; readonly isWalled: boolean },
): Promise<Alteration> {
  const operation = { operation: 'DROP FEATURE', operationParameters: { featureName: feature } };
  if (!supportsFeature(latest.protocol, feature)) return { ...operation, actions: [] };
  const obstacle = obstacleOf(feature, latest) ?? (await historyObstacle(ctx, feature, latest));
  if (obstacle !== null) throw featureInUse(feature, obstacle);
  const without = withoutFeature(latest.protocol, feature);
  const protocol = isWalled ? withFeatures(without, ['checkpointProtection']) : without;
  const configuration = configurationWithout(feature, latest.metadata);
  if (isWalled) configuration[BOUNDARY] = String(latest.version + 1);
  const metadata = { ...latest.metadata, configuration };
  return {
    ...operation,
    actions: [
      ...differences(latest, { protocol, metadata }),
      ...removedDomains(feature, latest),
      ...(feature === 'rowTracking' ? unnumbered(latest) : []),
    ],
    restsOnVersion: true,
  };
}

/** Properties that go with a feature, beside the one that puts it to use. */
const FURTHER_PROPERTIES: Readonly<Record<string, readonly string[]>> = {
  checkpointProtection: [BOUNDARY],
  columnMapping: ['delta.columnMapping.maxColumnId'],
  inCommitTimestamp: [
    'delta.inCommitTimestampEnablementVersion',
    'delta.inCommitTimestampEnablementTimestamp',
  ],
  rowTracking: [
    'delta.rowTracking.materializedRowIdColumnName',
    'delta.rowTracking.materializedRowCommitVersionColumnName',
    'delta.rowTrackingSuspended',
  ],
};

/** Domains that a feature alone writes. */
const DOMAINS: Readonly<Record<string, string>> = {
  clustering: 'delta.clustering',
  rowTracking: 'delta.rowTracking',
};

function configurationWithout(
  feature: string,
  { configuration }: Metadata,
): Record<string, string> {
  const gone = new Set([propertyOf(feature), ...(FURTHER_PROPERTIES[feature] ?? [])]);
  return Object.fromEntries(Object.entries(configuration).filter(([key]) => !gone.has(key)));
}

function removedDomains(feature: string, snapshot: Snapshot): readonly Action[] {
  const held = tableSnapshot(snapshot).state.domains.get(DOMAINS[feature] ?? '');
  if (held === null) return [];
  return [{ kind: 'domainMetadata', domainMetadata: { ...held, removed: true } }];
}

/** Files described anew: ids that nobody numbers on from could be given twice where the feature comes back. */
function unnumbered(snapshot: Snapshot): readonly Action[] {
  return [...snapshot.files()]
    .filter(({ baseRowId }) => baseRowId !== undefined)
    .map((add) => ({ kind: 'add', add: { ...withoutRowIds(add), dataChange: false } }));
}

/** Why the feature cannot go, as the rest of a sentence; null where it can. */
function obstacleOf(feature: string, snapshot: Snapshot): string | null {
  const { metadata, schema } = snapshot;
  const { state } = tableSnapshot(snapshot);
  switch (feature) {
    case 'catalogManaged':
      return 'the catalog that manages the table must give it up';
    case 'columnMapping':
      return featuresInUse(metadata).has(feature)
        ? 'the files have other column names than the table, and would have to be rewritten'
        : null;
    case 'deletionVectors':
      return [...snapshot.files()].some((file) => file.deletionVector !== undefined)
        ? 'files have deleted rows that would have to be rewritten without them'
        : null;
    case 'domainMetadata':
      return state.domains.size > 0 ? 'the table has domains; remove them first' : null;
    case 'timestampNtz':
    case 'variantType':
      return featuresOfColumns(schema).includes(feature)
        ? 'the table has columns of such a type'
        : null;
    case 'typeWidening':
      return metadata.schemaString.includes('"delta.typeChanges"')
        ? 'files have columns of the narrower type, and would have to be rewritten'
        : null;
    case 'variantShredding':
      return snapshot.fileCount > 0 ? 'files may hold shredded values' : null;
    default:
      return CONSTRAINING.has(feature) && featuresInUse(metadata).has(feature)
        ? 'the table has columns or constraints that rest on it; remove them first'
        : null;
  }
}

/** Features whose use stands in the schema or in properties of their own. */
const CONSTRAINING: ReadonlySet<string> = new Set([
  'allowColumnDefaults',
  'checkConstraints',
  'generatedColumns',
  'identityColumns',
  'invariants',
]);

/** Checkpoints are protected as long as there is anything before them to be protected from. */
async function historyObstacle(
  ctx: TableContext,
  feature: string,
  { metadata }: Snapshot,
): Promise<string | null> {
  if (feature !== 'checkpointProtection') return null;
  const boundary = Number(metadata.configuration[BOUNDARY] ?? 0);
  const { commits } = await listLog(ctx.store, 0);
  const first = commits[0]?.version ?? boundary;
  return first < boundary
    ? `the log still goes back to version ${first}, and must first be cleaned up to version ${boundary}`
    : null;
}
