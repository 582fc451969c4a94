/** Choices by lot, the same for the same seed. */

import { present, type Random, seededRandom } from '../../src/base/index.ts';

export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.#random.float() * count);
  }

  /** A whole number, both ends inclusive. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(share: number): boolean {
    return this.#random.float() < share;
  }

  pick<T>(from: readonly T[]): T {
    return present(from[this.below(from.length)], 'something to pick from');
  }

  /** Some of the list, in its order, at least `least`. */
  some<T>(from: readonly T[], least: number, most = from.length): readonly T[] {
    const count = Math.min(from.length, this.between(least, Math.max(least, most)));
    const left = from.map((_, index) => index);
    const taken = Array.from({ length: count }, () => left.splice(this.below(left.length), 1)[0]);
    return from.filter((_, index) => taken.includes(index));
  }

  list<T>(least: number, most: number, make: (index: number) => T): readonly T[] {
    return Array.from({ length: this.between(least, most) }, (_, index) => make(index));
  }
}
