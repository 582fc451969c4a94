/**
 * What a table asks of those who read or write it. PROTOCOL.md, "Table Features". A feature that is listed but not
 * in use asks for nothing; one that is in use and not supported here is refused by its name.
 */

import { mappingMode, parseSchema, unknownTypeChange } from '../schema/index.ts';
import type { Action, Metadata, Protocol } from './actions.ts';
import { featureUnsupported, protocolInvalid } from './errors.ts';
import { FEATURES, knownFeature, type WriteScope } from './feature-list.ts';
import { canonicalName, readerFeatures, writerFeatures } from './table-features.ts';
import { isOn, traitsOf } from './table-traits.ts';

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
  const names = readerFeatures(protocol);
  const missing = names.filter((name) => !isReadable(name, metadata, hasCatalog));
  if (missing.length === 0) {
    checkTypeChanges(protocol, metadata);
    return;
  }
  const isManaged = missing.every((name) => knownFeature(name)?.reads === 'with catalog');
  const cure = isManaged ? ASK_CATALOG : undefined;
  throw featureUnsupported('read', missing, { ...versions(protocol) }, cure);
}

export interface ReaderOptions {
  /** Whether the catalog that manages the table tells its commits. Default false. */
  readonly hasCatalog?: boolean;
}

/** What a commit with these actions does. */
export function writeScope(actions: readonly Action[]): WriteScope {
  if (actions.some(({ kind }) => kind === 'remove' || kind === 'cdc')) {
    return actions.some(changesRows) ? 'rewrite' : 'rearrange';
  }
  return actions.some(({ kind }) => kind === 'add') ? 'append' : 'description';
}

function changesRows(action: Action): boolean {
  if (action.kind === 'add') return action.add.dataChange;
  return action.kind === 'remove' ? action.remove.dataChange : action.kind === 'cdc';
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
  const names = writerFeatures(protocol);
  const missing = names.filter((name) => !isWritable(name, metadata, scope));
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

const ASK_CATALOG = 'open it with the commitSource of the catalog that manages it';

function isReadable(name: string, metadata: Metadata, hasCatalog: boolean): boolean {
  const feature = knownFeature(name);
  if (feature === null || !feature.isForReaders) return false;
  if (feature.name === 'columnMapping') return mappingMode(metadata.configuration) !== null;
  return hasCatalog || feature.reads === 'always';
}

function isWritable(name: string, metadata: Metadata, scope: WriteScope): boolean {
  const feature = knownFeature(name);
  if (feature === null) return false;
  return !feature.refuses.includes(scope) || feature.isInUse?.(traitsOf(metadata)) === false;
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
  const traits = traitsOf(metadata);
  const used = FEATURES.filter(({ isInUse }) => isInUse?.(traits) === true);
  return new Set(used.map(({ name }) => name));
}

function versions(protocol: Protocol): { readerVersion: number; writerVersion: number } {
  return { readerVersion: protocol.minReaderVersion, writerVersion: protocol.minWriterVersion };
}
