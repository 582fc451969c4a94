import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Random, seededRandom } from '../../src/base/index.ts';
import { decodeAll, decoderOf, oracle, parquetRowsOf, rowsOf } from './messages.ts';
import { type Kind, recordKind } from './schemas.ts';

/** A schema with some messages of it. */
const messages = recordKind.chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    values: fc.array(kind.value, { minLength: 1, maxLength: 6 }),
  }),
);

function encode(kind: Kind, values: readonly unknown[]): Buffer[] {
  const type = oracle(kind.schema);
  return values.map((value) => type.toBuffer(value));
}

describe('messages of any schema', () => {
  it('come out as they went in', async () => {
    const property = fc.asyncProperty(messages, async ({ kind, values }) => {
      const decoder = await decoderOf(kind.schema);
      const rows = await decodeAll(decoder, encode(kind, values));
      expect(rows).toEqual(values.map(kind.row));
    });
    await fc.assert(property, { numRuns: 400 });
  });

  it('come back from Parquet as they went in', async () => {
    const property = fc.asyncProperty(messages, async ({ kind, values }) => {
      const decoder = await decoderOf(kind.schema);
      decoder.start();
      for (const message of encode(kind, values)) decoder.append(message, 0, message.length);
      expect(await parquetRowsOf(decoder.finish())).toEqual(values.map(kind.row));
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('are cut off or broken without harm to those beside them', async () => {
    const property = fc.asyncProperty(messages, fc.integer(), async ({ kind, values }, seed) => {
      const good = encode(kind, values);
      const decoder = await decoderOf(kind.schema);
      const random = seededRandom(seed);
      decoder.start();
      const expected: unknown[] = [];
      for (const [index, message] of good.entries()) {
        for (const broken of mutations(message, random)) {
          const count = decoder.rowCount;
          const fault = decoder.append(broken, 0, broken.length);
          if (fault === null) expected.push(null);
          expect(decoder.rowCount).toBe(fault === null ? count + 1 : count);
        }
        expect(decoder.append(message, 0, message.length)).toBeNull();
        expected.push(kind.row(values[index]));
      }
      const rows = await rowsOf(decoder.finish());
      expect(rows.length).toBe(expected.length);
      expect(rows.filter((_, index) => expected[index] !== null)).toEqual(
        expected.filter((row) => row !== null),
      );
    });
    await fc.assert(property, { numRuns: 250 });
  });

  it('are faults wherever they are cut off', async () => {
    const property = fc.asyncProperty(messages, async ({ kind, values }) => {
      const decoder = await decoderOf(kind.schema);
      decoder.start();
      for (const message of encode(kind, values.slice(0, 2))) {
        for (let end = 0; end < message.length; end += 1) {
          expect(decoder.append(message, 0, end)?.code).toMatch(/^AVRO_/);
        }
        const longer = Buffer.concat([message, Buffer.of(0)]);
        expect(decoder.append(longer, 0, longer.length)?.code).toBe('AVRO_TRAILING_BYTES');
        expect(decoder.append(longer, 0, message.length)).toBeNull();
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

/** Some ways to break a message. */
function mutations(message: Uint8Array, chance: Random): Uint8Array[] {
  const at = (): number => Math.floor(chance.float() * message.length);
  const flipped = Uint8Array.from(message);
  flipped[at()] = Math.floor(chance.float() * 256);
  const lengthened = Buffer.concat([message.subarray(0, at()), Buffer.alloc(9, 0xff), message]);
  return [message.subarray(0, at()), flipped, lengthened];
}
