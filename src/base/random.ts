/** Chance, as an argument: what makes runs repeatable in tests and simulation. */

import { randomUUID } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** A version 4 UUID, lower case. */
  uuid(): string;
}

/** The machine's own chance. */
export const systemRandom: Random = {
  float: () => Math.random(),
  uuid: () => randomUUID(),
};

/** The same seed gives the same sequence (mulberry32); for tests and simulation. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const hex = (): string => next().toString(16).padStart(8, '0');
  return {
    float: () => next() / 0x1_0000_0000,
    uuid: () => {
      const h = hex() + hex() + hex() + hex();
      const variant = ((Number.parseInt(h.charAt(16), 16) & 3) | 8).toString(16);
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20)}`;
    },
  };
}
