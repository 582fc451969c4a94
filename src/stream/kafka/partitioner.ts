/** Which partition a key goes to: as Kafka's own Java client decides, so that both put a key into the same one. */

/** `Utils.murmur2` of Kafka: MurmurHash2 with a seed of its own, as a signed 32-bit number. */
export function murmur2(key: Uint8Array): number {
  const { length } = key;
  const wholeEnd = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < wholeEnd; at += 4) {
    let word = byte(key, at) | (byte(key, at + 1) << 8) | (byte(key, at + 2) << 16);
    word = Math.imul(word | (byte(key, at + 3) << 24), M);
    word ^= word >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(word, M);
  }
  if (length > wholeEnd) {
    // The bytes past the end are zeros, which change nothing.
    hash ^= byte(key, wholeEnd) | (byte(key, wholeEnd + 1) << 8) | (byte(key, wholeEnd + 2) << 16);
    hash = Math.imul(hash, M);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}

export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitionCount;
}

const SEED = 0x9747_b28c | 0;
const M = 0x5bd1_e995;

function byte(key: Uint8Array, at: number): number {
  return key[at] ?? 0;
}
