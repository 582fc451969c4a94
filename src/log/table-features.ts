/** How a protocol action says which features a table has. PROTOCOL.md, "Table Features", "Supported Features". */

import type { Protocol } from './actions.ts';
import { featureNeeded, featureUnknown } from './errors.ts';
import { FEATURES, knownFeature } from './feature-list.ts';

/** The protocol's own name of a feature that goes by an early one too. */
export function canonicalName(name: string): string {
  return knownFeature(name)?.name ?? name;
}

/** The feature of this name, ignoring case. `FEATURE_UNKNOWN` where the protocol has none. */
export function featureNamed(name: string): string {
  const wanted = name.toLowerCase();
  const found = FEATURES.find((known) => known.name.toLowerCase() === wanted);
  if (found !== undefined) return found.name;
  const names = FEATURES.map((known) => known.name);
  throw featureUnknown(name, names);
}

/** Whether readers must know the feature too. */
export function isReaderFeature(feature: string): boolean {
  return knownFeature(feature)?.isForReaders ?? false;
}

/** What readers must know, as the protocol lists or implies it. */
export function readerFeatures(protocol: Protocol): readonly string[] {
  if (protocol.minReaderVersion <= 1) return [];
  if (protocol.minReaderVersion === 2) return ['columnMapping'];
  if (protocol.minReaderVersion === 3) return protocol.readerFeatures ?? [];
  return [`reader version ${protocol.minReaderVersion}`];
}

/** What writers must know, as the protocol lists or implies it. */
export function writerFeatures(protocol: Protocol): readonly string[] {
  const { minWriterVersion } = protocol;
  if (minWriterVersion === 7) return protocol.writerFeatures ?? [];
  const implied = FEATURES.filter(({ sinceWriter = Infinity }) => sinceWriter <= minWriterVersion);
  return implied.map(({ name }) => name);
}

/** Whether the table has the feature: whether it may be put to use without a change of protocol. */
export function supportsFeature(protocol: Protocol, feature: string): boolean {
  return supportedFeatures(protocol).has(feature);
}

/** Every feature that the table has. One that readers must know counts only where they are told too. */
export function supportedFeatures(protocol: Protocol): ReadonlySet<string> {
  const told = new Set(readerFeatures(protocol).map(canonicalName));
  const names = writerFeatures(protocol).map(canonicalName);
  return new Set(names.filter((name) => !isReaderFeature(name) || told.has(name)));
}

/**
 * The protocol with these features and all that they need: the same object where the table has them. Lists of features
 * name what the versions before implied, so that nothing is lost.
 */
export function withFeatures(protocol: Protocol, features: Iterable<string>): Protocol {
  const before = supportedFeatures(protocol);
  const after = new Set(before);
  for (const feature of features) addFeature(after, feature);
  if (after.size === before.size) return protocol;
  const legacy = legacyProtocol(after);
  if (legacy !== null && protocol.minWriterVersion < 7) return legacy;
  const readers = new Set(readerFeatures(protocol));
  const writers = listedFeatures(protocol);
  for (const feature of after) {
    if (!before.has(feature)) writers.add(feature);
    if (isReaderFeature(feature) && !hasName(readers, feature)) readers.add(feature);
  }
  return listed(readers, writers, protocol.minReaderVersion);
}

/**
 * The protocol without a feature, by the least versions that say the rest. `FEATURE_NEEDED` where another feature of the
 * table needs it.
 */
export function withoutFeature(protocol: Protocol, feature: string): Protocol {
  const after = new Set(supportedFeatures(protocol));
  for (const other of after) {
    if (knownFeature(other)?.needs.includes(feature) === true) throw featureNeeded(feature, other);
  }
  after.delete(feature);
  const legacy = legacyProtocol(after);
  if (legacy !== null) return legacy;
  const left = (names: Iterable<string>): Set<string> =>
    new Set([...names].filter((name) => canonicalName(name) !== feature));
  return listed(left(readerFeatures(protocol)), left(listedFeatures(protocol)), 1);
}

/**
 * The protocol raised to versions that a user asks for; never lowered. Version 7 and reader version 3 turn what was
 * implied into lists.
 */
export function withVersions(
  protocol: Protocol,
  { reader, writer }: { readonly reader: number; readonly writer: number },
): Protocol {
  const { minReaderVersion, minWriterVersion } = protocol;
  const least = reader >= 3 ? 7 : reader === 2 ? 5 : 1;
  const minWriter = Math.max(minWriterVersion, writer, least);
  const minReader = Math.max(minReaderVersion, reader);
  if (minWriter === minWriterVersion && minReader === minReaderVersion) return protocol;
  if (minWriter < 7) return { minReaderVersion: minReader, minWriterVersion: minWriter };
  const [readers, writers] = [new Set(readerFeatures(protocol)), listedFeatures(protocol)];
  // Reader version 2 stands for column mapping, which a list has to name.
  for (const names of reader === 2 ? [readers, writers] : []) names.add('columnMapping');
  return listed(readers, writers, minReader);
}

/** What a list has to name: of what versions imply, a feature that readers are not told of is none of the table's. */
function listedFeatures(protocol: Protocol): Set<string> {
  return new Set(
    protocol.minWriterVersion === 7 ? writerFeatures(protocol) : supportedFeatures(protocol),
  );
}

function addFeature(features: Set<string>, feature: string): void {
  features.add(feature);
  for (const needed of knownFeature(feature)?.needs ?? []) addFeature(features, needed);
}

/** The versions before 7 that imply exactly these features, or null where none do. */
function legacyProtocol(features: ReadonlySet<string>): Protocol | null {
  for (let minWriterVersion = 1; minWriterVersion < 7; minWriterVersion += 1) {
    const minReaderVersion = minWriterVersion >= 5 ? 2 : 1;
    const protocol = { minReaderVersion, minWriterVersion };
    const implied = supportedFeatures(protocol);
    if (implied.size === features.size && [...implied].every((name) => features.has(name))) {
      return protocol;
    }
  }
  return null;
}

function listed(
  readers: ReadonlySet<string>,
  writers: ReadonlySet<string>,
  readerVersion: number,
): Protocol {
  const writerFeatures = [...writers].toSorted();
  if (readers.size === 0 && readerVersion < 2) {
    return { minReaderVersion: 1, minWriterVersion: 7, writerFeatures };
  }
  const readerFeatures = [...readers].toSorted();
  return { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures };
}

function hasName(names: ReadonlySet<string>, feature: string): boolean {
  return [...names].some((name) => canonicalName(name) === feature);
}
