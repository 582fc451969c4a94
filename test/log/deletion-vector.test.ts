import { assert, nat, oneof, property, tuple, uint8Array, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  countRows,
  decodeVector,
  type DeletionVectorDescriptor,
  encodeVector,
  inlineVector as inlined,
  unframeVector,
  vectorFile,
  vectorPlace,
} from '../../src/log/index.ts';
import { decodeZ85, encodeZ85 as writtenZ85 } from '../../src/log/z85.ts';
import {
  encodeZ85,
  framed,
  inlineVector,
  nativeVector,
  portableVector,
  roaring,
} from './vectors.ts';

function rowsOf(bits: Uint8Array): readonly number[] {
  return Array.from({ length: bits.length * 8 }, (_, row) => row).filter(
    (row) => ((bits[row >> 3] ?? 0) & (128 >> (row % 8))) !== 0,
  );
}

function decode(blob: Uint8Array, cardinality: number, rowCount = 200_000): readonly number[] {
  return rowsOf(decodeVector(blob, inlineVector(blob, cardinality), rowCount));
}

const CORRUPT = expect.objectContaining({ code: 'DELETION_VECTOR_CORRUPT' }) as unknown;

describe('the rows of a vector', () => {
  test('are read from what another project wrote', () => {
    const text = '^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L';
    const vector = { storageType: 'i', pathOrInlineDv: text, sizeInBytes: 44, cardinality: 6 };
    const place = vectorPlace(vector);
    const blob = place.kind === 'inline' ? place.blob : new Uint8Array();
    expect(rowsOf(decodeVector(blob, vector, 40))).toEqual([3, 4, 7, 11, 18, 29]);
  });

  test.each(['array', 'bits', 'runs'] as const)('are the same in containers of %s', (kind) => {
    const rows = uniqueArray(nat(199_999), { minLength: 1, maxLength: 60 });
    assert(
      property(rows, (given) => {
        // A container of bits holds more than 4,096 values.
        const more = kind === 'bits' ? bitsNeed(given) : given;
        const sorted = [...new Set(more)].sort((a, b) => a - b);
        expect(decode(portableVector(sorted, kind), sorted.length)).toEqual(sorted);
      }),
      { numRuns: 25 },
    );
  });

  test('are read in the older form', () => {
    expect(decode(nativeVector([1, 70_000]), 2)).toEqual([1, 70_000]);
  });

  test('are none in an empty bitmap', () => {
    expect(decode(portableVector([], 'array'), 0)).toEqual([]);
  });
});

/** Rows that fill each container far enough. */
function bitsNeed(rows: readonly number[]): readonly number[] {
  const keys = new Set(rows.map((row) => Math.floor(row / 65_536)));
  const filled = [...keys].flatMap((key) =>
    Array.from({ length: 4200 }, (_, low) => key * 65_536 + low),
  );
  return [...rows, ...filled].filter((row) => row < 196_608);
}

describe('a vector is refused', () => {
  const rows = [1, 5, 70_000];
  const blob = portableVector(rows, 'array');

  test.each([
    ['that has other than its cardinality', blob, 2],
    ['that ends early', blob.subarray(0, -1), 3],
    ['with bytes behind it', Buffer.concat([blob, Buffer.alloc(1)]), 3],
    ['with another magic number', Buffer.concat([Buffer.alloc(4), blob.subarray(4)]), 3],
    ['that has a row twice', portableVector([1, 1, 2], 'array'), 3],
    ['with a row that the file has not', portableVector([1, 2, 300_000], 'array'), 3],
    ['with a row beyond 32 bits', portableVector([1, 2, 2 ** 32], 'array'), 3],
    ['with more rows than the file', blob, 200_001],
  ])('%s', (_case, bytes, cardinality) => {
    expect(() => decode(bytes, cardinality)).toThrow(CORRUPT);
  });

  test('whose run leaves its container', () => {
    const bitmap = roaring([65_535], 'runs');
    bitmap.writeUInt16LE(1, bitmap.length - 2);
    const head = portableVector([], 'array').subarray(0, 4);
    const bytes = Buffer.concat([head, Buffer.from('010000000000000000000000', 'hex'), bitmap]);
    expect(() => decode(bytes, 2)).toThrow(CORRUPT);
  });

  test('or read as something, without taking longer than its rows, whatever its bytes are', () => {
    const bytes = oneof(
      uint8Array({ maxLength: 60 }),
      tuple(nat(blob.length - 1), nat(255)).map(([place, byte]) => {
        const changed = Buffer.from(blob);
        changed[place] = byte;
        return changed;
      }),
    );
    assert(
      property(bytes, (given) => {
        try {
          expect(decode(given, 3)).toHaveLength(3);
        } catch (error) {
          expect(error).toEqual(CORRUPT);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the place of a vector', () => {
  const text = 'ab^-aqEH.-t@S}K{vb[*k^';
  const vector: DeletionVectorDescriptor = {
    storageType: 'u',
    pathOrInlineDv: text,
    offset: 4,
    sizeInBytes: 40,
    cardinality: 6,
  };

  test('is a file named by a UUID below the table, or any file', () => {
    const key = 'ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin';
    expect(vectorPlace(vector)).toEqual({
      kind: 'file',
      path: { kind: 'key', key },
      start: 4,
      end: 52,
    });
    expect(vectorPlace({ ...vector, pathOrInlineDv: text.slice(2) })).toMatchObject({
      path: { key: key.slice(3) },
    });
    // The first of its file stands behind the byte of the file's version.
    const { offset: _offset, ...first } = vector;
    expect(vectorPlace(first)).toMatchObject({ start: 1, end: 49 });
    const path = 's3://b/t/x.bin';
    expect(vectorPlace({ ...vector, storageType: 'p', pathOrInlineDv: path })).toMatchObject({
      path: { kind: 'path', path },
    });
  });

  test.each([
    ['an unknown storage type', { storageType: 'x' }],
    ['no UUID', { pathOrInlineDv: 'abc' }],
    ['another size than its text', { storageType: 'i', pathOrInlineDv: '00000' }],
    ['characters that Z85 has not', { storageType: 'i', pathOrInlineDv: '0,000', sizeInBytes: 4 }],
  ])('is refused with %s', (_case, members) => {
    expect(() => vectorPlace({ ...vector, ...members })).toThrow(CORRUPT);
  });

  test('holds the vector with its size and checksum, which are checked', () => {
    const blob = portableVector([1], 'array');
    const descriptor = { ...vector, sizeInBytes: blob.length };
    const frame = framed(blob);
    expect(unframeVector(frame, descriptor)).toEqual(blob);
    for (const place of [0, 6, frame.length - 1]) {
      const changed = Buffer.from(frame);
      changed[place] = (changed[place] ?? 0) ^ 1;
      expect(() => unframeVector(changed, descriptor)).toThrow(CORRUPT);
    }
    expect(() => unframeVector(frame.subarray(1), descriptor)).toThrow(CORRUPT);
  });
});

describe('Z85', () => {
  test('is decoded to what was encoded', () => {
    assert(
      property(uint8Array({ maxLength: 40 }), (bytes) => {
        const decoded = decodeZ85(encodeZ85(bytes));
        expect(decoded?.subarray(0, bytes.length)).toEqual(bytes);
      }),
    );
  });

  test.each([
    ['##093', [3, 0]],
    ['###03', [3]],
    ['#####', null],
    ['%nSc0', [255, 255, 255, 255]],
    ['%nSc1', null],
    ['0000', null],
  ])('%s is %j, as one writer pads it', (text, bytes) => {
    expect(decodeZ85(text)).toEqual(bytes === null ? null : Uint8Array.from(bytes));
  });
});

function bitsOf(rows: readonly number[], rowCount: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(rowCount / 8));
  for (const row of rows) bits[row >> 3] = (bits[row >> 3] ?? 0) | (128 >> (row % 8));
  return bits;
}

describe('a vector that is made here', () => {
  const range = (start: number, length: number, step = 1): readonly number[] =>
    Array.from({ length }, (_, index) => start + index * step);

  test.each([
    ['none', [], 10],
    ['all of a few', range(0, 9), 9],
    ['the first and the last of three containers', [0, 65_535, 65_536, 131_072, 150_000], 150_001],
    ['a long run', range(60_000, 20_000), 200_000],
    ['every other one, too many for a list', range(0, 40_000, 2), 90_000],
    ['single ones, as many as a list holds', range(1, 4096, 7), 65_536],
    ['runs in five containers', range(0, 5).flatMap((key) => range(key * 65_536, 500)), 400_000],
    ['a run up to the end of a container', range(65_000, 536), 65_536],
  ])('hides %s', (_case, rows, rowCount) => {
    const bits = bitsOf(rows, rowCount);
    const blob = encodeVector(bits);
    expect(countRows(bits)).toBe(rows.length);
    const vector = inlined(blob, rows.length);
    const place = vectorPlace(vector);
    expect(place).toEqual({ kind: 'inline', blob: new Uint8Array(blob) });
    expect(rowsOf(decodeVector(blob, vector, rowCount))).toEqual(rows);
  });

  test('takes no more room than any one kind of container would', () => {
    assert(
      property(
        uniqueArray(nat(150_000), { minLength: 1, maxLength: 200 }),
        nat(3000),
        (single, length) => {
          const rows = [...new Set([...single, ...range(70_000, length)])].sort((a, b) => a - b);
          const blob = encodeVector(bitsOf(rows, 150_001));
          expect(decode(blob, rows.length)).toEqual(rows);
          expect(blob.length).toBeLessThanOrEqual(portableVector(rows, 'array').length + 9);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('stands in a file beside others, with its size and checksum', () => {
    const uuid = 'd2c639aa-8816-431a-aaf6-d3fe2512ff61';
    const vectors = [[1, 2, 70_000], range(5, 900), [0]].map((rows) => ({
      blob: encodeVector(bitsOf(rows, 100_000)),
      cardinality: rows.length,
    }));
    for (const prefix of ['', 'ab']) {
      const { key, bytes, descriptors } = vectorFile(vectors, { uuid, prefix });
      expect(key).toBe(`${prefix === '' ? '' : 'ab/'}deletion_vector_${uuid}.bin`);
      expect(bytes[0]).toBe(1);
      expect(descriptors.map(({ pathOrInlineDv }) => pathOrInlineDv)).toEqual(
        vectors.map(() => `${prefix}^-aqEH.-t@S}K{vb[*k^`),
      );
      for (const [index, descriptor] of descriptors.entries()) {
        const place = vectorPlace(descriptor);
        if (place.kind !== 'file') throw new Error('a vector in a file was wanted');
        expect(place.path).toEqual({ kind: 'key', key });
        const blob = unframeVector(bytes.subarray(place.start, place.end), descriptor);
        expect(new Uint8Array(blob)).toEqual(new Uint8Array(vectors[index]?.blob ?? []));
      }
    }
  });

  test.each([0, 1, 2, 3, 4, 5])('is written as Z85 of %i bytes filled up to four', (length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => 250 - index);
    expect(writtenZ85(bytes)).toBe(encodeZ85(bytes));
  });
});
