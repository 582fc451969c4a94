/** Shallow clones: a log of its own over the files of another table. */

import { isDeltaError } from '../../base/index.ts';
import {
  type Action,
  type AddFile,
  checkWritable,
  type DeletionVectorDescriptor,
  type Metadata,
  vectorPlace,
  withoutRowIds,
} from '../../log/index.ts';
import { decodePath, encodePath } from '../../schema/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { recordClone } from '../clones.ts';
import { commitTransaction } from '../commit.ts';
import { withProperties } from '../description.ts';
import { CLUSTERING_DOMAIN } from '../clustering.ts';
import { tableExists } from '../errors.ts';
import { refreshSnapshot } from '../open.ts';
import { pathsOfFile } from '../retained-files.ts';
import { domainOf } from '../snapshot.ts';
import { encodedRoot, fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import type { CloneOptions, CloneResult } from './clone.ts';
import { cloneFilesMissing, cloneInvalid } from './housekeeping-errors.ts';

/** See `clone`. */
export async function shallowClone(
  ctx: TableContext,
  snapshot: Snapshot,
  target: TableContext,
  options: CloneOptions,
): Promise<CloneResult> {
  checkReachable(ctx.store, target.store);
  checkWritable(snapshot.protocol, snapshot.metadata, 'description');
  const { protocol, metadata } = describe(ctx, snapshot, options);
  const source = encodedRoot(ctx.store);
  const forget = await recordClone(ctx, {
    table: target.store.uri,
    tableId: metadata.id,
    source,
    sourceVersion: snapshot.version,
  });
  try {
    await checkFiles(ctx, snapshot);
    const outcome = await commitTransaction(target, null, {
      operation: 'CLONE',
      operationParameters: { source: ctx.store.uri, sourceVersion: String(snapshot.version) },
      operationMetrics: {
        sourceTableSize: String(snapshot.sizeBytes),
        sourceNumOfFiles: String(snapshot.fileCount),
        numRemovedFiles: '0',
        numCopiedFiles: '0',
        removedFilesSize: '0',
        copiedFilesSize: '0',
      },
      actions: [
        { kind: 'protocol', protocol },
        { kind: 'metaData', metaData: metadata },
        ...clustering(snapshot),
        ...Array.from(snapshot.files(), (file): Action => ({
          kind: 'add',
          add: absoluteFile(source, file),
        })),
      ],
      reads: { kind: 'nothing' },
      // The rows were held to the source's rules when they came.
      scope: 'description',
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (outcome.kind !== 'committed') throw tableExists(target.store.uri);
    return {
      table: target.store.uri,
      snapshot: outcome.snapshot,
      fileCount: snapshot.fileCount,
      copiedCount: 0,
      copiedBytes: 0,
      postCommitErrors: outcome.postCommitErrors,
    };
  } catch (error) {
    // After a commit whose outcome is open the clone may be there, and needs its files.
    if (!isDeltaError(error, 'COMMIT_OUTCOME_UNKNOWN')) await forget();
    throw error;
  }
}

/** Refuses clones that whoever reads the target could not follow to the files. */
function checkReachable(source: ObjectStore, target: ObjectStore): void {
  if (source.uri === target.uri) throw tableExists(target.uri);
  const [from, to] = [kindOf(source), kindOf(target)];
  if (from === to) return;
  throw cloneInvalid(
    `the source is on ${from} and the target on ${to}, from where readers do not get to its files; make a deep clone`,
  );
}

function kindOf({ uri }: ObjectStore): string {
  return /^([a-z0-9+.-]+):/i.exec(uri)?.[1]?.replace(/^s3[an]$/i, 's3') ?? uri;
}

/** Properties of the source's own history. */
const OF_THE_SOURCE = [
  'delta.inCommitTimestampEnablementVersion',
  'delta.inCommitTimestampEnablementTimestamp',
  'delta.requireCheckpointProtectionBeforeVersion',
  'delta.rowTracking.materializedRowIdColumnName',
  'delta.rowTracking.materializedRowCommitVersionColumnName',
];

function describe(
  { random, clock }: TableContext,
  { protocol, metadata }: Snapshot,
  { properties = {} }: CloneOptions,
): ReturnType<typeof withProperties> {
  const { name: _name, ...rest } = metadata;
  const configuration = Object.fromEntries(
    Object.entries(metadata.configuration).filter(([key]) => !OF_THE_SOURCE.includes(key)),
  );
  const own: Metadata = { ...rest, id: random.uuid(), createdTime: clock.now(), configuration };
  const before = { protocol, metadata };
  return withProperties({ protocol, metadata: own }, { set: properties }, { before, random });
}

function clustering(snapshot: Snapshot): readonly Action[] {
  const configuration = domainOf(snapshot, CLUSTERING_DOMAIN);
  if (configuration === null) return [];
  const domainMetadata = { domain: CLUSTERING_DOMAIN, configuration, removed: false };
  return [{ kind: 'domainMetadata', domainMetadata }];
}

/** The file as others' logs name it; its row ids are the source's, and are given anew. */
function absoluteFile(root: string, file: AddFile): AddFile {
  const { deletionVector, ...rest } = withoutRowIds(file);
  return {
    ...rest,
    path: absolutePath(root, file.path),
    dataChange: true,
    ...(deletionVector === undefined
      ? {}
      : { deletionVector: absoluteVector(root, deletionVector) }),
  };
}

function absolutePath(root: string, path: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return path;
  if (path.startsWith('/')) {
    return spelledAsSpark(`${/^[^:]*:\/\/[^/]*/.exec(root)?.[0] ?? ''}${path}`);
  }
  return spelledAsSpark(`${root}/${path}`);
}

/** What Java leaves of a path as it is. All else is escaped, and of other letters than ASCII's only what is blank. */
const ESCAPED = /[^\w\-!.~'()*:@&=+$,;/\u00a1-\u{10ffff}]|\p{Z}/gu;

/**
 * As Spark spells it, `file:/a/é` for `file:///a/%C3%A9`: both are the same file to the protocol, but Spark compares the texts
 * when it hides rows of a file.
 */
function spelledAsSpark(uri: string): string {
  const [, scheme = '', authority = '', path = ''] =
    /^([^:/]+:)(?:\/\/([^/]*))?(.*)$/.exec(uri) ?? [];
  const place = authority === '' ? scheme : `${scheme}//${authority}`;
  return `${place}${decodePath(path).replace(ESCAPED, encodeURIComponent)}`;
}

/** PROTOCOL.md, "Deletion Vector Descriptor Schema": `u` is relative to the table, `p` is not. */
function absoluteVector(root: string, vector: DeletionVectorDescriptor): DeletionVectorDescriptor {
  const place = vectorPlace(vector);
  if (place.kind === 'inline' || place.path.kind === 'path') return vector;
  return {
    ...vector,
    storageType: 'p',
    pathOrInlineDv: absolutePath(root, encodePath(place.path.key)),
  };
}

/** Files of an older version may be gone. Errors: `CLONE_FILES_MISSING`. */
async function checkFiles(ctx: TableContext, snapshot: Snapshot): Promise<void> {
  const latest = await refreshSnapshot(ctx, snapshot);
  const old = new Set<string>();
  for (const file of snapshot.files()) {
    if (latest.file(file.path) === null) for (const path of pathsOfFile(file)) old.add(path);
  }
  const missing = await inParallel(old, STORE_REQUESTS_MAX, async (path) => {
    const { store, path: key } = await fileAt(ctx, path);
    return (await store.head(key)) === null ? [path] : [];
  });
  if (missing.flat().length > 0) throw cloneFilesMissing(snapshot.version, missing.flat());
}
