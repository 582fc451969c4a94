/** What a checkpoint holds. PROTOCOL.md, "Checkpoints", "Action Reconciliation", "V2 Spec". */

import { isJsonObject, type JsonValue, parseJson } from '../base/index.ts';
import type { Action, Metadata, Protocol, RemoveFile } from './actions.ts';
import { logCorrupt } from './errors.ts';
import { sidecarPath } from './file-names.ts';
import type { CheckpointFiles } from './segment.ts';
import type { LogState } from './state.ts';

/** An action that a checkpoint may hold. */
export type CheckpointAction = Exclude<Action, { readonly kind: 'commitInfo' | 'cdc' | 'unknown' }>;

export interface CheckpointRetention {
  /** Tombstones of files removed at this time (milliseconds) or before are left out. */
  readonly removedAfterMs: number;
  /** Transactions last updated before this time are left out; null keeps all. */
  readonly txnUpdatedAfterMs: number | null;
}

/** The rows of the checkpoint of a state: those of `actionsBesideFiles`, and the live files, whose `dataChange` is false. */
export function* checkpointActions(
  state: LogState,
  retention: CheckpointRetention,
): Generator<CheckpointAction> {
  yield* actionsBesideFiles(state, retention);
  for (const add of state.files.values()) yield { kind: 'add', add: { ...add, dataChange: false } };
}

/**
 * What the checkpoint of a state holds beside its live files: protocol, metadata, transactions, domains, tombstones. These
 * change no data: their `dataChange` is false, and they carry neither statistics nor tags.
 */
export function* actionsBesideFiles(
  state: LogState,
  retention: CheckpointRetention,
): Generator<Exclude<CheckpointAction, { readonly kind: 'add' }>> {
  yield { kind: 'protocol', protocol: state.protocol };
  yield { kind: 'metaData', metaData: state.metadata };
  for (const txn of state.txns.values()) {
    if (isKept(txn.lastUpdated, retention.txnUpdatedAfterMs)) yield { kind: 'txn', txn };
  }
  for (const domainMetadata of state.domains.values()) {
    yield { kind: 'domainMetadata', domainMetadata };
  }
  for (const remove of state.tombstones.values()) {
    if ((remove.deletionTimestamp ?? 0) > retention.removedAfterMs) {
      yield { kind: 'remove', remove: tombstone(remove) };
    }
  }
}

/** A transaction without a time never expires. */
function isKept(lastUpdated: number | undefined, afterMs: number | null): boolean {
  return afterMs === null || lastUpdated === undefined || lastUpdated >= afterMs;
}

function tombstone(remove: RemoveFile): RemoveFile {
  const { stats: _stats, tags: _tags, ...rest } = remove;
  return { ...rest, dataChange: false };
}

/**
 * Watches the actions of a checkpoint go by, first those of its own files, then those of its sidecars, and tells what
 * only the whole shows: which sidecars there are, and what is missing.
 */
export class CheckpointContents {
  readonly #version: number;
  readonly #kind: CheckpointFiles['kind'];
  readonly #file: string;
  readonly #sidecars: string[] = [];
  readonly #specs: JsonValue[] = [];
  #protocol: Protocol | null = null;
  #metadata: Metadata | null = null;
  #sidecarActions = 0;

  constructor({ version, kind, files }: CheckpointFiles) {
    this.#version = version;
    this.#kind = kind;
    this.#file = files[0]?.path ?? '';
  }

  /** Some actions of the checkpoint's own files. */
  take(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.kind === 'protocol') this.#protocol = action.protocol;
      if (action.kind === 'metaData') this.#metadata = action.metaData;
      if (action.kind !== 'unknown') continue;
      const { sidecar, checkpointMetadata } = action.line;
      if (isJsonObject(checkpointMetadata)) this.#specs.push(checkpointMetadata);
      if (isJsonObject(sidecar)) this.#sidecars.push(this.#pathOf(sidecar['path']));
    }
  }

  /** So many actions of its sidecars. */
  takeSidecar(actionCount: number): void {
    this.#sidecarActions += actionCount;
  }

  /** Whether the protocol and metadata were among them. */
  get hasHead(): boolean {
    return this.#protocol !== null && this.#metadata !== null;
  }

  /** The protocol and metadata. `LOG_CORRUPT` where one of them was not given, or the schema is no JSON text. */
  head(): { readonly protocol: Protocol; readonly metadata: Metadata } {
    if (this.#protocol === null) throw this.#corrupt('it holds no protocol action');
    if (this.#metadata === null) throw this.#corrupt('it holds no metaData action');
    try {
      parseJson(this.#metadata.schemaString);
    } catch {
      throw this.#corrupt('the schema in its metaData action is no JSON text');
    }
    return { protocol: this.#protocol, metadata: this.#metadata };
  }

  /**
   * The paths of the sidecars, once all of the checkpoint's own actions were given. `LOG_CORRUPT` where these cannot
   * be a checkpoint of its version, or be all of it.
   */
  sidecars(): readonly string[] {
    this.head();
    const isV2 = this.#kind === 'unique' || this.#sidecars.length > 0 || this.#specs.length > 0;
    if (isV2 && this.#specs.length !== 1) {
      throw this.#corrupt(`it holds ${this.#specs.length} checkpointMetadata actions and not one`);
    }
    for (const spec of this.#specs) {
      const version = isJsonObject(spec) ? spec['version'] : undefined;
      if (version !== this.#version) {
        throw this.#corrupt('its checkpointMetadata is of another version than its name');
      }
    }
    return this.#sidecars;
  }

  /** `LOG_CORRUPT` where the sidecars held not as many actions as its writer counted. */
  finish(): void {
    const [spec] = this.#specs;
    const tags = isJsonObject(spec) ? spec['tags'] : undefined;
    const counted = isJsonObject(tags) ? tags['sidecarNumActions'] : undefined;
    if (typeof counted === 'string' && Number(counted) !== this.#sidecarActions) {
      throw this.#corrupt(
        `its sidecars hold ${this.#sidecarActions} actions, and its writer counted ${counted}`,
      );
    }
  }

  #pathOf(path: JsonValue | undefined): string {
    if (typeof path !== 'string') throw this.#corrupt('a sidecar has no path');
    const found = sidecarPath(path);
    if (/\/$|\/\.{1,2}$|_sidecars\/.*\//.test(found)) {
      throw this.#corrupt(`${path} is no name of a sidecar`);
    }
    return found;
  }

  #corrupt(why: string): ReturnType<typeof logCorrupt> {
    return logCorrupt(this.#file, why);
  }
}
