/** Deletion vectors to test with: rows as the bytes that other writers make of them. */

import { crc32 } from 'node:zlib';

import type { DeletionVectorDescriptor } from '../../src/log/index.ts';

const ALPHABET =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

export type ContainerKind = 'array' | 'bits' | 'runs';

/** The portable form; all containers of a bitmap are of one kind, and arrays may be longer than the format's 4,096. */
export function portableVector(rows: readonly number[], kind: ContainerKind): Buffer {
  const buckets = Map.groupBy(rows, (row) => Math.floor(row / 2 ** 32));
  const parts = [uint32(1_681_511_377), uint64(buckets.size)];
  for (const [key, members] of [...buckets].toSorted(([a], [b]) => a - b)) {
    parts.push(
      uint32(key),
      roaring(
        members.map((row) => row % 2 ** 32),
        kind,
      ),
    );
  }
  return Buffer.concat(parts);
}

/** The older form, of one bitmap. */
export function nativeVector(rows: readonly number[]): Buffer {
  const bitmap = roaring(rows, 'array');
  return Buffer.concat([uint32(1_681_511_376), uint32(1), uint32(bitmap.length), bitmap]);
}

export function roaring(values: readonly number[], kind: ContainerKind): Buffer {
  const containers = [
    ...Map.groupBy(
      values.toSorted((a, b) => a - b),
      (value) => Math.floor(value / 65_536),
    ),
  ];
  const count = containers.length;
  const bodies = containers.map(([, members]) =>
    containerBody(
      members.map((value) => value % 65_536),
      kind,
    ),
  );
  const head =
    kind === 'runs'
      ? [uint16(12_347), uint16(count - 1), Buffer.alloc(Math.ceil(count / 8), 0xff)]
      : [uint32(12_346), uint32(count)];
  for (const [key, members] of containers) head.push(uint16(key), uint16(members.length - 1));
  // Nobody needs the offsets who reads a bitmap from its start.
  if (kind !== 'runs' || count >= 4) head.push(Buffer.alloc(4 * count));
  return Buffer.concat([...head, ...bodies]);
}

function containerBody(values: readonly number[], kind: ContainerKind): Buffer {
  if (kind === 'array') return Buffer.concat(values.map(uint16));
  if (kind === 'runs') {
    return Buffer.concat([
      uint16(values.length),
      ...values.flatMap((value) => [uint16(value), uint16(0)]),
    ]);
  }
  const bits = Buffer.alloc(8192);
  for (const value of values) bits[value >> 3] = (bits[value >> 3] ?? 0) | (1 << (value & 7));
  return bits;
}

export function encodeZ85(bytes: Uint8Array): string {
  const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  let text = '';
  for (let start = 0; start < padded.length; start += 4) {
    let value = padded.readUInt32BE(start);
    let group = '';
    for (let digit = 0; digit < 5; digit += 1) {
      group = (ALPHABET[value % 85] ?? '') + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}

export function inlineVector(blob: Uint8Array, cardinality: number): DeletionVectorDescriptor {
  const pathOrInlineDv = encodeZ85(blob);
  return { storageType: 'i', pathOrInlineDv, sizeInBytes: blob.length, cardinality };
}

/** The vector as it stands in a file, with its size and checksum. */
export function framed(blob: Uint8Array): Buffer {
  const frame = Buffer.alloc(blob.length + 8);
  frame.writeUInt32BE(blob.length);
  frame.set(blob, 4);
  frame.writeUInt32BE(crc32(blob), blob.length + 4);
  return frame;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
