/** Domain metadata: a text by a name, for whoever uses the table. PROTOCOL.md, "Domain Metadata". */

import type { Action } from '../log/index.ts';
import { supportsFeature, withFeatures } from '../log/index.ts';
import {
  findField,
  indexedSchema,
  physicalName,
  type StructField,
  type StructType,
} from '../schema/index.ts';
import { alter, type AlterResult, differences } from './alter.ts';
import { CLUSTERING_DOMAIN, clusteringPaths, hasBounds, typeAt } from './clustering.ts';
import { clusteringInvalid, columnUnknown, domainReserved } from './errors.ts';
import { domainOf } from './snapshot.ts';
import type { Snapshot, TableContext } from './types.ts';

/** Those of the protocol itself. */
const SYSTEM_PREFIX = 'delta.';
/** As many as Spark takes. */
const CLUSTERING_COLUMNS_MAX = 4;

/**
 * Sets a domain to a text, or removes it with null; the table gets the feature where it lacks it. Where another writer changed
 * the domain first, the last one wins. Errors: `DOMAIN_RESERVED`, those of `setProperties`.
 */
export async function setDomain(
  ctx: TableContext,
  snapshot: Snapshot,
  change: { readonly domain: string; readonly configuration: string | null },
): Promise<AlterResult> {
  const { domain, configuration } = change;
  if (domain === '' || domain.toLowerCase().startsWith(SYSTEM_PREFIX)) throw domainReserved(domain);
  return alter(ctx, snapshot, (latest) => ({
    operation: 'SET DOMAIN METADATA',
    operationParameters: { domain, removed: String(configuration === null) },
    actions: domainActions(latest, { domain, configuration, features: ['domainMetadata'] }),
  }));
}

/**
 * Says by which columns rows are to be laid out when files are rewritten; none: by no columns any more. Files that are there
 * stay as they are. Errors: `COLUMN_UNKNOWN`, `CLUSTERING_INVALID` for a partitioned table, too many columns, one that is
 * named twice or that no statistics can be kept of; those of `setProperties`.
 */
export async function clusterBy(
  ctx: TableContext,
  snapshot: Snapshot,
  columns: readonly string[],
): Promise<AlterResult> {
  return alter(ctx, snapshot, (latest) => {
    if (latest.partitionColumns.length > 0) {
      throw clusteringInvalid(columns.join(','), 'a table has either partitions or clustering');
    }
    if (columns.length > CLUSTERING_COLUMNS_MAX) {
      const why = `rows are clustered by at most ${CLUSTERING_COLUMNS_MAX} columns`;
      throw clusteringInvalid(columns.join(','), why);
    }
    const paths = columns.map((column) => JSON.stringify(physicalPath(latest.schema, column)));
    const twice = columns.find((_, index) => paths.indexOf(paths[index] ?? '') < index);
    if (twice !== undefined) throw clusteringInvalid(twice, 'it is named twice');
    const indexed = indexedSchema(latest.schema, latest.metadata);
    const clusteringColumns = columns.map((column) => {
      const path = physicalPath(latest.schema, column);
      if (hasBounds(indexed, path)) return path;
      const cure = 'raise delta.dataSkippingNumIndexedCols, or name it in dataSkippingStatsColumns';
      throw clusteringInvalid(column, `files have no bounds of its values; ${cure}`);
    });
    const configuration = JSON.stringify({ clusteringColumns, domainName: CLUSTERING_DOMAIN });
    const change = { domain: CLUSTERING_DOMAIN, configuration, features: ['clustering'] };
    const isNeither = columns.length === 0 && domainOf(latest, CLUSTERING_DOMAIN) === null;
    return {
      operation: 'CLUSTER BY',
      operationParameters: { newClusteringColumns: columns.join(',') },
      actions: isNeither ? [] : domainActions(latest, change),
    };
  });
}

/** What takes those columns out of a table's clustering that another schema has not; nothing where it has them all. */
export function clusteringWithin(snapshot: Snapshot, schema: StructType): readonly Action[] {
  const held = clusteringPaths(snapshot);
  const clusteringColumns = held.filter((path) => typeAt(schema, path) !== null);
  if (clusteringColumns.length === held.length) return [];
  const domain = CLUSTERING_DOMAIN;
  const configuration = JSON.stringify({ clusteringColumns, domainName: domain });
  return [{ kind: 'domainMetadata', domainMetadata: { domain, configuration, removed: false } }];
}

function domainActions(
  snapshot: Snapshot,
  change: {
    readonly domain: string;
    readonly configuration: string | null;
    readonly features: readonly string[];
  },
): readonly Action[] {
  const { domain, configuration, features } = change;
  const held = domainOf(snapshot, domain);
  if (held === configuration && features.every((it) => supportsFeature(snapshot.protocol, it))) {
    return [];
  }
  if (configuration === null && held === null) return [];
  const { metadata } = snapshot;
  const protocol = withFeatures(snapshot.protocol, features);
  const removed = configuration === null;
  return [
    ...differences(snapshot, { protocol, metadata }),
    {
      kind: 'domainMetadata',
      domainMetadata: { domain, configuration: configuration ?? held ?? '', removed },
    },
  ];
}

/** `a.b` by the names that files have: each level a text, as writers agree on beside the letter of the protocol. */
function physicalPath(schema: StructType, column: string): readonly string[] {
  const path: string[] = [];
  let within: StructType | null = schema;
  for (const name of namesIn(schema, column)) {
    const field: StructField | null = within === null ? null : findField(within, name);
    if (field === null)
      throw columnUnknown(
        column,
        schema.fields.map((it) => it.name),
      );
    path.push(physicalName(field));
    within = field.type.kind === 'struct' ? field.type : null;
  }
  return path;
}

/** A column whose own name has points in it is found before one inside of another. */
function namesIn(schema: StructType, column: string): readonly string[] {
  return findField(schema, column) === null ? column.split('.') : [column];
}
