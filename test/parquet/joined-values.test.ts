import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { DeltaError } from '../../src/base/index.ts';
import { corruptData } from '../../src/parquet/errors.ts';
import { JoinedValues } from '../../src/parquet/joined-values.ts';
import { PlainValues } from '../../src/parquet/key-pages.ts';
import { PageCodec } from '../../src/parquet/page-codec.ts';
import { PageEncoder } from '../../src/parquet/page-encoder.ts';
import { snappyLength } from '../../src/parquet/snappy-encoder.ts';
import type { ParquetNode } from '../../src/parquet/types.ts';

const corrupt = (why: string): DeltaError => corruptData('file', new Error(why));
const codec = new PageCodec(corrupt);
const encoder = new PageEncoder();
const place = { entriesBefore: 0, codec, corrupt };

const TEXT: ParquetNode = {
  name: 'nome',
  repetition: 'OPTIONAL',
  physicalType: 'BYTE_ARRAY',
  typeLength: null,
  logicalType: { kind: 'string' },
  fieldId: null,
  children: [],
};

const texts = fc.array(
  fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('Conceição', 'Oliveira da Silva')),
  { minLength: 1, maxLength: 30 },
);

function plainOf(values: readonly string[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeInt32LE(Buffer.byteLength(value));
      return [length, Buffer.from(value)];
    }),
  );
}

/** A page that begins with some levels. */
function packed(levels: Uint8Array, plain: Uint8Array): Uint8Array {
  encoder.page.end = 0;
  encoder.page.set(levels);
  encoder.page.set(plain);
  return encoder.packed('snappy');
}

function textsOf(joined: JoinedValues): readonly string[] {
  const { elements, sizeBytes, count } = joined;
  const bytes = Buffer.concat([snappyLength(sizeBytes), elements]);
  const plain = codec.decompress({ codec: 'snappy', bytes, sizeBytes });
  const offsets = new PlainValues(plain, count, corrupt).offsets();
  return Array.from({ length: count }, (_, at) =>
    Buffer.from(plain.subarray((offsets[at] ?? 0) + 4, offsets[at + 1])).toString(),
  );
}

test('values of pages one behind another are those of each, taken as they are or encoded again', () => {
  let takenCount = 0;
  fc.assert(
    fc.property(fc.array(texts), fc.uint8Array({ maxLength: 9 }), (pages, levels) => {
      const joined = new JoinedValues(TEXT, encoder);
      for (const values of pages) {
        const plain = plainOf(values);
        const from = levels.length;
        const page = { body: packed(levels, plain), sizeBytes: from + plain.length, from };
        const taken = { ...page, count: values.length, isChecked: false };
        const first = joined.count;
        if (joined.take(taken, place) === first) takenCount += 1;
        else expect(joined.addPlain(plain, values.length, place)).toBe(first);
      }
      expect(textsOf(joined)).toEqual(pages.flat());
      expect(joined.pieces).toHaveLength(pages.length);
    }),
  );
  expect(takenCount).toBeGreaterThan(100);
});

test('a length that is damaged takes nothing of the values of the next page', () => {
  let [takenCount, refusedCount] = [0, 0];
  fc.assert(
    fc.property(texts, texts, fc.nat(), fc.nat({ max: 40 }), (values, next, at, length) => {
      const plain = plainOf(values);
      const damaged = at % values.length;
      plain.writeInt32LE(length, plainOf(values.slice(0, damaged)).length);
      const joined = new JoinedValues(TEXT, encoder);
      const page = { body: packed(NOTHING, plain), sizeBytes: plain.length, from: 0 };
      const count = values.length;
      if (isTaken(() => joined.take({ ...page, count, isChecked: false }, place))) {
        joined.addPlain(plainOf(next), next.length, place);
        expect(textsOf(joined).slice(values.length)).toEqual(next);
        takenCount += 1;
      } else {
        expect(joined.count).toBe(0);
        refusedCount += 1;
      }
    }),
    { numRuns: 500 },
  );
  expect(takenCount).toBeGreaterThan(0);
  expect(refusedCount).toBeGreaterThan(0);
});

const NOTHING = new Uint8Array(0);

/** False also where it throws that the data are corrupt. */
function isTaken(take: () => number | null): boolean {
  try {
    return take() !== null;
  } catch (error) {
    if (error instanceof DeltaError && error.code === 'PARQUET_CORRUPT_DATA') return false;
    throw error;
  }
}
