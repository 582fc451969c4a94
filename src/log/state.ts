/**
 * The state of a table at one version, and how commits change it. PROTOCOL.md, "Action Reconciliation": the newest
 * protocol, metadata, transaction and domain win; a path has one live file at most; a remove cancels the add with
 * the same path and deletion vector.
 */

import type {
  Action,
  AddFile,
  CommitInfo,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  Txn,
} from './actions.ts';
import { logIncomplete } from './errors.ts';
import { pathKey, vectorId } from './file-key.ts';
import { LayeredMap } from './layered-map.ts';

/** Never changes; `Replay` makes the next one. */
export interface LogState {
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  /** Live files by `pathKey`. */
  readonly files: LayeredMap<AddFile>;
  /** Removed files by path and deletion vector, for as long as a checkpoint must carry them. */
  readonly tombstones: LayeredMap<RemoveFile>;
  /** By application. */
  readonly txns: LayeredMap<Txn>;
  /** By name; removed ones are not there. */
  readonly domains: LayeredMap<DomainMetadata>;
  /** Sum of the live files' sizes. */
  readonly sizeBytes: number;
  /** Of the commit at `version`; null where that commit was not read or has none. */
  readonly commitInfo: CommitInfo | null;
}

/** Takes a checkpoint's actions, then commits in the order of their versions, and makes the state of the last. */
export class Replay {
  readonly #start: LogState | null;
  #protocol: Protocol | null;
  #metadata: Metadata | null;
  #commitInfo: CommitInfo | null = null;
  #sizeBytes: number;
  readonly #files: Draft<AddFile>;
  readonly #tombstones: Draft<RemoveFile>;
  readonly #txns: Draft<Txn>;
  readonly #domains: Draft<DomainMetadata>;

  /** From an empty log, or on from a state. */
  constructor(start: LogState | null) {
    this.#start = start;
    this.#protocol = start?.protocol ?? null;
    this.#metadata = start?.metadata ?? null;
    this.#sizeBytes = start?.sizeBytes ?? 0;
    this.#files = new Draft(start?.files ?? LayeredMap.empty());
    this.#tombstones = new Draft(start?.tombstones ?? LayeredMap.empty());
    this.#txns = new Draft(start?.txns ?? LayeredMap.empty());
    this.#domains = new Draft(start?.domains ?? LayeredMap.empty());
  }

  /** One commit: all its actions. */
  commit(actions: readonly Action[]): void {
    this.#commitInfo = null;
    this.apply(actions);
  }

  /** Some actions of a checkpoint; all of them must have been given before the first commit is. */
  apply(actions: Iterable<Action>): void {
    for (const action of actions) this.#apply(action);
  }

  /** The state after what was given, as of `version`. `LOG_INCOMPLETE` without a protocol or metadata. */
  finish(version: number): LogState {
    if (this.#protocol === null) throw logIncomplete(version, 'protocol');
    if (this.#metadata === null) throw logIncomplete(version, 'metaData');
    return {
      version,
      protocol: this.#protocol,
      metadata: this.#metadata,
      files: this.#files.finish(),
      tombstones: this.#tombstones.finish(),
      txns: this.#txns.finish(),
      domains: this.#domains.finish(),
      sizeBytes: this.#sizeBytes,
      commitInfo: this.#start?.version === version ? this.#start.commitInfo : this.#commitInfo,
    };
  }

  #apply(action: Action): void {
    switch (action.kind) {
      case 'add':
        this.#add(action.add);
        break;
      case 'remove':
        this.#remove(action.remove);
        break;
      case 'txn':
        this.#txns.set(action.txn.appId, action.txn);
        break;
      case 'metaData':
        this.#metadata = action.metaData;
        break;
      case 'protocol':
        this.#protocol = action.protocol;
        break;
      case 'domainMetadata': {
        const { domain, removed } = action.domainMetadata;
        this.#domains.set(domain, removed ? null : action.domainMetadata);
        break;
      }
      case 'commitInfo':
        this.#commitInfo = action.commitInfo;
        break;
      case 'cdc':
      case 'unknown':
        break;
    }
  }

  #add(file: AddFile): void {
    const key = pathKey(file.path);
    const before = this.#files.get(key);
    this.#sizeBytes += file.size - (before?.size ?? 0);
    this.#files.set(key, file);
    this.#tombstones.set(tombstoneKey(key, file), null);
  }

  #remove(file: RemoveFile): void {
    const key = pathKey(file.path);
    const live = this.#files.get(key);
    if (live !== null && vectorId(live.deletionVector) === vectorId(file.deletionVector)) {
      this.#sizeBytes -= live.size;
      this.#files.set(key, null);
    }
    this.#tombstones.set(tombstoneKey(key, file), file);
  }
}

function tombstoneKey(key: string, file: AddFile | RemoveFile): string {
  return file.deletionVector === undefined ? key : `${key}\u0000${vectorId(file.deletionVector)}`;
}

/** Changes to a map that are being collected; over an empty one they are the map itself. */
class Draft<V> {
  readonly #start: LayeredMap<V>;
  readonly #fresh: Map<string, V> | null;
  readonly #changes = new Map<string, V | null>();

  constructor(start: LayeredMap<V>) {
    this.#start = start;
    this.#fresh = start.size === 0 ? new Map() : null;
  }

  get(key: string): V | null {
    if (this.#fresh !== null) return this.#fresh.get(key) ?? null;
    const changed = this.#changes.get(key);
    return changed === undefined ? this.#start.get(key) : changed;
  }

  set(key: string, value: V | null): void {
    if (this.#fresh !== null) {
      if (value === null) this.#fresh.delete(key);
      else this.#fresh.set(key, value);
    } else if (value !== null || this.get(key) !== null) {
      this.#changes.set(key, value);
    }
  }

  finish(): LayeredMap<V> {
    return this.#fresh === null ? this.#start.with(this.#changes) : LayeredMap.of(this.#fresh);
  }
}
