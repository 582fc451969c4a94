import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { DeltaError } from '../../src/base/index.ts';
import { corruptData } from '../../src/parquet/errors.ts';
import { PageBuffer } from '../../src/parquet/page-buffer.ts';
import { decodeSnappy, snappyRoomBytes } from '../../src/parquet/snappy.ts';
import { addSnappyElements, firstSnappyLiteral } from '../../src/parquet/snappy-elements.ts';
import {
  SnappyEncoder,
  snappyLength,
  snappyLiteralHead,
  snappyOutputBytesMax,
} from '../../src/parquet/snappy-encoder.ts';

const corrupt = (why: string): DeltaError => corruptData('stream', new Error(why));

/** Bytes that repeat now and then, as values do. */
const bytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom('Conceição', 'Oliveira').map((text) => new Uint8Array(Buffer.from(text))),
    ),
    { maxLength: 60 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

function encoded(plain: Uint8Array): Uint8Array {
  const room = new Uint8Array(snappyOutputBytesMax(plain.length));
  return room.slice(0, new SnappyEncoder().encode(plain, plain.length, room));
}

function decoded(stream: Uint8Array, sizeBytes: number): Uint8Array {
  const room = new Uint8Array(snappyRoomBytes(sizeBytes));
  decodeSnappy(stream, { room, sizeBytes }, corrupt);
  return room.slice(0, sizeBytes);
}

function streamOf(elements: PageBuffer, sizeBytes: number): Uint8Array {
  const parts = [snappyLength(sizeBytes), elements.bytes.subarray(0, elements.end)];
  return new Uint8Array(Buffer.concat(parts));
}

test('elements of several streams one behind another give what they gave', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), (inputs) => {
      const out = new PageBuffer();
      for (const input of inputs) {
        const cut = { from: 0, sizeBytes: input.length, corrupt };
        expect(addSnappyElements(out, encoded(input), cut)).toBe(true);
      }
      const whole = new Uint8Array(Buffer.concat(inputs));
      expect(decoded(streamOf(out, whole.length), whole.length)).toEqual(whole);
    }),
  );
});

test('what a stream begins with is cut off, unless something later copies it', () => {
  let cutCount = 0;
  fc.assert(
    fc.property(bytes, fc.nat({ max: 300 }), bytes, (before, length, input) => {
      const stream = encoded(input);
      const from = Math.min(length, input.length);
      const out = new PageBuffer();
      addSnappyElements(out, encoded(before), { from: 0, sizeBytes: before.length, corrupt });
      const { end } = out;
      const isCut = addSnappyElements(out, stream, { from, sizeBytes: input.length, corrupt });
      if (!isCut) expect(out.end).toBe(end);
      const rest = isCut ? input.subarray(from) : new Uint8Array(0);
      const expected = new Uint8Array(Buffer.concat([before, rest]));
      expect(decoded(streamOf(out, expected.length), expected.length)).toEqual(expected);
      cutCount += Number(isCut && from > 0);
    }),
  );
  expect(cutCount).toBeGreaterThan(0);
});

test('a damaged stream that could not be decoded alone changes nothing of others', () => {
  let refusedCount = 0;
  fc.assert(
    fc.property(bytes, bytes, fc.nat(), fc.nat({ max: 255 }), (before, input, place, byte) => {
      const stream = encoded(input);
      stream[place % stream.length] = byte;
      const out = new PageBuffer();
      addSnappyElements(out, encoded(before), { from: 0, sizeBytes: before.length, corrupt });
      let alone: Uint8Array | null = null;
      try {
        alone = decoded(stream, input.length);
      } catch {
        // It is damaged where a decoder sees it.
      }
      const add = (): unknown =>
        addSnappyElements(out, stream, { from: 0, sizeBytes: input.length, corrupt });
      if (alone === null) {
        expect(add).toThrow(expect.objectContaining({ code: 'PARQUET_CORRUPT_DATA' }));
        refusedCount += 1;
        return;
      }
      add();
      const both = new Uint8Array(Buffer.concat([before, alone]));
      expect(decoded(streamOf(out, both.length), both.length)).toEqual(both);
    }),
    { numRuns: 2000 },
  );
  expect(refusedCount).toBeGreaterThan(100);
});

test('literals of every length have their tag', () => {
  for (const length of [1, 60, 61, 256, 257, 65_536, 65_537, 2 ** 24, 2 ** 24 + 1]) {
    const plain = new Uint8Array(length).fill(7);
    const stream = Buffer.concat([snappyLength(length), snappyLiteralHead(length), plain]);
    expect(Buffer.compare(decoded(stream, length), plain)).toBe(0);
    expect(firstSnappyLiteral(stream, length, corrupt)).toHaveLength(length);
  }
});

test('a stream that gives another length, or is cut off, is refused', () => {
  const plain = new Uint8Array(Buffer.from('abcdefgh'.repeat(40)));
  const stream = encoded(plain);
  const add = (input: Uint8Array, sizeBytes: number, from = 0): boolean =>
    addSnappyElements(new PageBuffer(), input, { from, sizeBytes, corrupt });
  const longer = Buffer.concat([stream, Uint8Array.of(0, 65)]);
  for (const broken of [stream.subarray(0, -1), longer]) {
    expect(() => add(broken, plain.length)).toThrow('cannot be decoded');
  }
  expect(() => add(stream, plain.length - 1)).toThrow('cannot be decoded');
  // Everything after the first eight bytes copies them.
  expect(add(stream, plain.length, 4)).toBe(false);
});
