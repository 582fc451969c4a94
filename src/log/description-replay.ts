/** What commits say of a table without its files. */

import type { Action, Metadata, Protocol } from './actions.ts';
import { visitCommit } from './codec.ts';
import { PartitionTexts } from './partition-texts.ts';

/** Takes commits in the order of their versions, and keeps the newest description. */
export class DescriptionReplay {
  #protocol: Protocol | null = null;
  #metadata: Metadata | null = null;
  /** So that partition values that no commit may have are found here too. */
  readonly #partitions = new PartitionTexts();

  /** Null where no commit had one; as `metadata`. */
  get protocol(): Protocol | null {
    return this.#protocol;
  }

  get metadata(): Metadata | null {
    return this.#metadata;
  }

  commit(actions: readonly Action[]): void {
    for (const action of actions) this.#apply(action);
  }

  /** One commit as the bytes of its file, which errors name. Errors: those of `parseCommit`. */
  commitBytes(bytes: Uint8Array, file: string): void {
    visitCommit(bytes, file, {
      line: ({ partitionsStart, partitionsEnd }, buffer, view) =>
        this.#partitions.numberOf(buffer, view, partitionsStart, partitionsEnd) >= 0,
      action: (action) => this.#apply(action),
    });
  }

  #apply(action: Action): void {
    if (action.kind === 'protocol') this.#protocol = action.protocol;
    if (action.kind === 'metaData') this.#metadata = action.metaData;
  }
}
