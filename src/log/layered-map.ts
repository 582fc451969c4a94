/**
 * A map that never changes, and makes its successor cheaply: a small layer of changes over a large base that both
 * share. The layer is folded into a new base when copying it would cost more than that, so a chain of many small
 * commits costs about the root of the map's size each.
 */

export class LayeredMap<V> {
  readonly size: number;
  readonly #base: ReadonlyMap<string, V>;
  /** null: deleted from the base. */
  readonly #layer: ReadonlyMap<string, V | null>;

  private constructor(
    base: ReadonlyMap<string, V>,
    layer: ReadonlyMap<string, V | null>,
    size: number,
  ) {
    this.#base = base;
    this.#layer = layer;
    this.size = size;
  }

  static empty<V>(): LayeredMap<V> {
    return new LayeredMap<V>(new Map(), new Map(), 0);
  }

  /** A map of these entries, which the caller gives up. */
  static of<V>(entries: ReadonlyMap<string, V>): LayeredMap<V> {
    return new LayeredMap<V>(entries, new Map(), entries.size);
  }

  get(key: string): V | null {
    const changed = this.#layer.get(key);
    return changed === undefined ? (this.#base.get(key) ?? null) : changed;
  }

  *values(): Generator<V> {
    for (const [key, value] of this.#base) {
      if (!this.#layer.has(key)) yield value;
    }
    for (const value of this.#layer.values()) {
      if (value !== null) yield value;
    }
  }

  /** The map with each of `changes` set, or deleted where it is null; this one stays as it is. */
  with(changes: ReadonlyMap<string, V | null>): LayeredMap<V> {
    if (changes.size === 0) return this;
    let size = this.size;
    for (const [key, value] of changes) {
      size += Number(value !== null) - Number(this.get(key) !== null);
    }
    const layer = new Map([...this.#layer, ...changes]);
    if (layer.size <= LAYER_SIZE_MIN || layer.size ** 2 <= 2 * this.#base.size) {
      return new LayeredMap(this.#base, layer, size);
    }
    return LayeredMap.of(fold(this.#base, layer));
  }
}

/** Changes to a map that are being collected; over an empty one they are the map itself. */
export class LayeredDraft<V> {
  readonly #start: LayeredMap<V>;
  readonly #fresh: Map<string, V> | null;
  readonly #changes = new Map<string, V | null>();

  constructor(start: LayeredMap<V>) {
    this.#start = start;
    this.#fresh = start.size === 0 ? new Map() : null;
  }

  /** Whether there is surely nothing in it. */
  get isEmpty(): boolean {
    return this.#fresh?.size === 0;
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

const LAYER_SIZE_MIN = 64;

function fold<V>(
  base: ReadonlyMap<string, V>,
  layer: ReadonlyMap<string, V | null>,
): ReadonlyMap<string, V> {
  const folded = new Map(base);
  for (const [key, value] of layer) {
    if (value === null) folded.delete(key);
    else folded.set(key, value);
  }
  return folded;
}
