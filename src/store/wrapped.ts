/** Lets a store see through wrappers, so that a copy stays on the server when its source is wrapped. */

import type { ObjectStore } from './types.ts';

const innerOf = new WeakMap<ObjectStore, ObjectStore>();

/** Notes that `wrapper` passes its work on to `inner`. */
export function markWrapped(wrapper: ObjectStore, inner: ObjectStore): void {
  innerOf.set(wrapper, inner);
}

/** The store below all wrappers. */
export function unwrapped(store: ObjectStore): ObjectStore {
  const inner = innerOf.get(store);
  return inner === undefined ? store : unwrapped(inner);
}
