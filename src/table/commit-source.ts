/**
 * Where the newest commits of a catalog-managed table are known. PROTOCOL.md, "Catalog-managed tables": the catalog says
 * which versions there are; it keeps the names of staged commits, or commits themselves, until they are published.
 */

import { isJsonObject, type JsonValue, parseJson } from '../base/index.ts';
import {
  type CommitFile,
  commitPath,
  type Listing,
  stagedCommitPath,
  withRatified,
} from '../log/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { commitSourceInvalid } from './errors.ts';
import { followLog, type KnownStart } from './log-end.ts';
import { listLog } from './log-files.ts';
import type { TableContext } from './types.ts';

/** A commit that a catalog still keeps. */
export interface RatifiedCommit {
  readonly version: number;
  /** The name of its file in `_delta_log/_staged_commits`, or the commit itself. */
  readonly content: string | Uint8Array;
}

export interface RatifiedCommits {
  /** The newest version of the table; what the log's folder holds of later ones does not count. */
  readonly latestVersion: number;
  /** In any order; versions that are not there are published. */
  readonly commits: readonly RatifiedCommit[];
}

/** The side of a catalog that reading needs. */
export interface CommitSource {
  /** As of now. Errors: the catalog's own, as `DeltaError`. */
  ratified(): Promise<RatifiedCommits>;
}

/** A catalog in memory: what it is told is ratified. */
export class MemoryCommitSource implements CommitSource {
  #ratified: RatifiedCommits;

  constructor(ratified: RatifiedCommits) {
    this.#ratified = ratified;
  }

  ratified(): Promise<RatifiedCommits> {
    return Promise.resolve(this.#ratified);
  }

  /** Adds the next version. */
  ratify(commit: RatifiedCommit): void {
    const { commits } = this.#ratified;
    this.#ratified = { latestVersion: commit.version, commits: [...commits, commit] };
  }

  /** Forgets commits up to a version, which is published then. */
  published(version: number): void {
    const { latestVersion, commits } = this.#ratified;
    this.#ratified = { latestVersion, commits: commits.filter((it) => it.version > version) };
  }
}

/**
 * A catalog that is one JSON file, read anew each time:
 * `{"latestVersion": 9, "commits": [{"version": 8, "stagedCommit": "<name>"}, {"version": 9, "inlineCommit": "<text>"}]}`.
 * Errors: `COMMIT_SOURCE_INVALID`, the store's.
 */
export function fileCommitSource(store: ObjectStore, path: string): CommitSource {
  return {
    ratified: async () => {
      const { bytes } = await store.get(path);
      return parseRatified(new TextDecoder().decode(bytes), path);
    },
  };
}

/**
 * The log's files of version `from` and later, with what the table's catalog knows of them; from a start that is known as
 * `followLog` has them.
 * Errors: `COMMIT_SOURCE_INVALID`, the store's and the catalog's.
 */
export async function listVersions(
  ctx: TableContext,
  from: number,
  start?: KnownStart,
): Promise<Listing> {
  const { store, commitSource } = ctx;
  if (commitSource === undefined) {
    return start === undefined ? listLog(store, from) : followLog(store, from, start);
  }
  // First, so that commits that are published meanwhile are found in one place or the other.
  const { latestVersion, commits } = await commitSource.ratified();
  if (!isVersion(latestVersion)) {
    throw commitSourceInvalid('its newest version is no whole number', {});
  }
  const files = commits.filter(({ version }) => version >= from).map(commitFile);
  return withRatified(await listLog(store, from), { latestVersion, commits: files });
}

/** Its time is in the commit: catalog-managed tables have in-commit timestamps. */
function commitFile({ version, content }: RatifiedCommit): CommitFile {
  if (!isVersion(version)) {
    throw commitSourceInvalid('a version in it is no whole number', {});
  }
  const time = { modifiedMs: 0, version };
  if (typeof content !== 'string') {
    return { ...time, path: commitPath(version), sizeBytes: content.length, bytes: content };
  }
  const path = stagedCommitPath(version, content);
  if (path === null) {
    throw commitSourceInvalid(`${content} is no name of a staged commit of version ${version}`, {
      version,
    });
  }
  return { ...time, path, sizeBytes: 0 };
}

function parseRatified(text: string, path: string): RatifiedCommits {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw commitSourceInvalid('its file is no JSON text', { path }, error);
  }
  const { latestVersion, commits } = isJsonObject(value) ? value : {};
  if (!isVersion(latestVersion) || !Array.isArray(commits)) {
    throw commitSourceInvalid('its file lacks latestVersion or commits', { path });
  }
  return {
    latestVersion,
    commits: commits.map((item: JsonValue) => {
      const { version, stagedCommit, inlineCommit } = isJsonObject(item) ? item : {};
      if (!isVersion(version)) throw commitSourceInvalid('a commit has no version', { path });
      if (typeof stagedCommit === 'string') return { version, content: stagedCommit };
      if (typeof inlineCommit === 'string') {
        return { version, content: new TextEncoder().encode(inlineCommit) };
      }
      throw commitSourceInvalid('a commit has no content', { path, version });
    }),
  };
}

function isVersion(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
