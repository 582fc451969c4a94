/** A worker's part of a group's partitions, and how long it lasts. */

import { partitionLost } from './errors.ts';
import { nameOf } from './share-out.ts';
import type { TopicPartition } from './types.ts';

/** Partitions that are a worker's own for a while: a hint that spares work, not a lock. */
export interface Assignment {
  readonly partitions: readonly TopicPartition[];
  /** Aborted with `KAFKA_PARTITION_LOST` when one of the partitions, or more, go to another worker. */
  readonly lost: AbortSignal;
}

/** One worker's place in a group. */
export interface Membership {
  /**
   * What the worker has now; the first call waits until that is settled. The same object as long as nothing has changed.
   * Errors: those of the broker, once membership cannot go on; an aborted `signal` throws its reason.
   */
  assignment(signal?: AbortSignal): Promise<Assignment>;
  /** Gives back what it has, so that others need not wait until it is missed. */
  leave(): Promise<void>;
}

/** Who joins which group, for what. */
export interface GroupSpec {
  readonly group: string;
  /** What its members work on: one that works on something else is refused, `KAFKA_GROUP_SHARED`. */
  readonly purpose: string;
  /** All there is to share out, as it is now. */
  readonly partitions: () => Promise<readonly TopicPartition[]>;
}

/** The partitions of a worker, changing. */
export class Holding {
  #lost = new AbortController();
  #current: Assignment = { partitions: [], lost: this.#lost.signal };

  get current(): Assignment {
    return this.#current;
  }

  /** Sets what is held; what was handed out before is lost where a partition of it is not among `partitions`. */
  set(partitions: readonly TopicPartition[]): void {
    const before = this.#current.partitions;
    const names = new Set(partitions.map(nameOf));
    const gone = before.find((it) => !names.has(nameOf(it)));
    if (gone === undefined && partitions.length === before.length) return;
    if (gone !== undefined) {
      this.#lost.abort(partitionLost(gone.topic, gone.partition));
      this.#lost = new AbortController();
    }
    this.#current = { partitions, lost: this.#lost.signal };
  }
}

/** The place of a worker that is alone: all partitions are its own. */
export class SoleMembership implements Membership {
  readonly #partitions: GroupSpec['partitions'];
  readonly #holding = new Holding();

  constructor({ partitions }: Pick<GroupSpec, 'partitions'>) {
    this.#partitions = partitions;
  }

  async assignment(signal?: AbortSignal): Promise<Assignment> {
    signal?.throwIfAborted();
    this.#holding.set(await this.#partitions());
    return this.#holding.current;
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }
}
