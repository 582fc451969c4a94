/** The only door to the relational engine. */

export type { Engine } from './types.ts';
