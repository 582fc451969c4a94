/** Whether what a table says of itself goes together. PROTOCOL.md, "Table Features". */

import { isDeltaError, summaryOf } from '../base/index.ts';
import {
  checkReadable,
  checkWritable,
  FEATURES,
  type Metadata,
  type Protocol,
  supportsFeature,
} from '../log/index.ts';
import { findField } from '../schema/index.ts';
import type { Found } from './doctor-types.ts';
import type { Snapshot } from './types.ts';

export function checkDescription(snapshot: Snapshot): readonly Found[] {
  const { protocol, metadata } = snapshot;
  return [
    ...unsupported(protocol, metadata),
    ...unlisted(protocol),
    ...propertiesWithout(protocol, metadata),
    ...partitioning(snapshot),
  ];
}

/** What this program cannot do with the table is no fault of the table. */
function unsupported(protocol: Protocol, metadata: Metadata): readonly Found[] {
  try {
    checkReadable(protocol, metadata, { hasCatalog: true });
    checkWritable(protocol, metadata);
    return [];
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    const isFault = error.kind === 'data';
    return [
      {
        code: error.code,
        severity: isFault ? 'error' : 'note',
        message: summaryOf(error),
        cure: isFault
          ? 'have the writer of the protocol action look at it'
          : 'write it with an engine that supports this',
        details: error.details,
      },
    ];
  }
}

function unlisted({ readerFeatures = [], writerFeatures = [] }: Protocol): readonly Found[] {
  const missing = readerFeatures.filter((name) => !writerFeatures.includes(name));
  if (missing.length === 0) return [];
  return [
    {
      code: 'PROTOCOL_CONTRADICTION',
      severity: 'error',
      message: `features are listed for readers and not for writers: ${missing.join(', ')}`,
      cure: 'have the writer of the protocol action list them for both',
      details: { features: missing.join(',') },
    },
  ];
}

function propertiesWithout(protocol: Protocol, { configuration }: Metadata): readonly Found[] {
  return FEATURES.flatMap(({ name: feature, property: told }): readonly Found[] => {
    const property = told?.key ?? '';
    const value = configuration[property];
    if (value === undefined || told?.on.test(value) !== true) return [];
    if (supportsFeature(protocol, feature)) return [];
    return [
      {
        code: 'PROPERTY_WITHOUT_FEATURE',
        severity: 'error',
        message: `${property}=${value} asks for the feature ${feature}, which the protocol does not have: engines differ in what they make of it`,
        cure: 'add the feature, or take the property back',
        details: { property, feature },
      },
    ];
  });
}

function partitioning({ metadata, schema }: Snapshot): readonly Found[] {
  const missing = metadata.partitionColumns.filter((name) => findField(schema, name) === null);
  if (missing.length === 0) return [];
  return [
    {
      code: 'PARTITION_COLUMN_MISSING',
      severity: 'error',
      message: `the table is partitioned by columns that its schema does not have: ${missing.join(', ')}`,
      cure: 'restore the schema from a version that has them',
      details: { columns: missing.join(',') },
    },
  ];
}
