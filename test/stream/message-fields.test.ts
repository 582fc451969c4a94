import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { recordOf } from '../../src/stream/kafka/batch-writer.ts';
import { MessageFields, valueOf } from '../../src/stream/message-fields.ts';
import { type HeaderText, headersOf, recordAt } from './message-bench.ts';

const HEADERS = headersOf({ id: 'text', time: 'time', raw: 'bytes' });
const SPEC = { headers: HEADERS, dateFrom: 'time' };
const NAMES = HEADERS.fields.map(({ name }) => name);

/** What the fields say of a message with these headers. */
function seen(fields: MessageFields, headers: readonly HeaderText[]) {
  fields.open(recordOf(recordAt(0, { value: 'v', key: 'k', headers })));
  const bad = fields.check();
  if (bad !== null) return bad;
  const texts = NAMES.map((_, slot) => {
    const end = fields.ends[slot] ?? -1;
    return end < 0
      ? null
      : Buffer.from(fields.memory.subarray(fields.starts[slot], end)).toString();
  });
  return { texts, micros: fields.times[1], date: fields.date };
}

describe('headers', () => {
  test('become the columns of their names, whatever their order and whatever else there is', () => {
    const fields = new MessageFields(SPEC);
    const time = ['time', '1970-01-02T00:00:00.000001Z'] as const;
    const all = { texts: ['a', time[1], 'r'], micros: 86_400_000_001, date: 1 };
    expect(seen(fields, [['id', 'a'], time, ['raw', 'r']])).toEqual(all);
    expect(seen(fields, [['other', 'x'], ['raw', 'r'], time, ['id', 'a']])).toEqual(all);
    expect(seen(fields, [['raw', 'r'], ['id', 'a'], ['ids', 'x'], time, ['', '']])).toEqual(all);
  });

  test('of one name: the last one counts, also where it is null', () => {
    const fields = new MessageFields(SPEC);
    expect(
      seen(fields, [
        ['id', 'a'],
        ['id', 'b'],
      ]),
    ).toMatchObject({ texts: ['b', null, null] });
    expect(
      seen(fields, [
        ['id', 'a'],
        ['id', null],
      ]),
    ).toMatchObject({ texts: [null, null, null] });
    // What only the last one may break.
    expect(
      seen(fields, [
        ['time', 'x'],
        ['time', '1970-01-01'],
      ]),
    ).toMatchObject({ micros: 0, date: 0 });
  });

  test('that are missing, null or empty are told apart, and nothing of the message before is left', () => {
    const fields = new MessageFields(SPEC);
    seen(fields, [
      ['id', 'a'],
      ['time', '2026-11-22T00:00:00Z'],
      ['raw', 'r'],
    ]);
    expect(
      seen(fields, [
        ['id', ''],
        ['raw', null],
      ]),
    ).toEqual({
      texts: ['', null, null],
      micros: Number.NaN,
      date: null,
    });
    expect(seen(fields, [])).toMatchObject({ texts: [null, null, null], date: null });
  });

  test('that cannot be read are refused by name, and bytes never are', () => {
    const fields = new MessageFields(SPEC);
    const broken = Uint8Array.of(0x61, 0xc3);
    expect(seen(fields, [['id', broken]])).toEqual({
      code: 'MESSAGE_BAD_HEADER',
      reason: 'the header id is not UTF-8',
    });
    expect(seen(fields, [['time', 'ontem']])).toEqual({
      code: 'MESSAGE_BAD_HEADER',
      reason: 'the header time is not a time (ISO 8601) within 285 years of 1970',
    });
    expect(seen(fields, [['time', '']])).toMatchObject({ code: 'MESSAGE_BAD_HEADER' });
    expect(
      seen(fields, [
        ['raw', broken],
        ['id', 'ação 😀'],
      ]),
    ).toMatchObject({ texts: ['ação 😀', null, expect.any(String)] });
  });

  test('give the day in UTC, before 1970 too', () => {
    const fields = new MessageFields(SPEC);
    expect(seen(fields, [['time', '2026-11-22T23:30:00-03:00']])).toMatchObject({ date: 20_780 });
    expect(seen(fields, [['time', '1969-12-31T23:59:59.999999Z']])).toMatchObject({
      micros: -1,
      date: -1,
    });
  });

  test('are found as by their names, whatever the messages before', () => {
    const name = fc.constantFrom('id', 'raw', 'i', 'ide', 'RAW', '', 'x'.repeat(200));
    const value = fc.option(fc.string({ unit: 'grapheme', maxLength: 100 }));
    const message = fc.array(fc.tuple(name, value), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
        const fields = new MessageFields(SPEC);
        for (const headers of messages) {
          const last = (wanted: string): string | null =>
            headers.findLast(([own]) => own === wanted)?.[1] ?? null;
          expect(seen(fields, headers)).toMatchObject({ texts: [last('id'), null, last('raw')] });
        }
      }),
    );
  });
});

test('key and value are found where they are, and a null is not an empty one', () => {
  const fields = new MessageFields({ headers: headersOf({}), dateFrom: null });
  fields.open(recordOf(recordAt(7, { key: 'chave', value: null, timestampMs: -5 })));
  expect([fields.offset, fields.timestampMs, valueOf(fields)]).toEqual([7, -5, null]);
  expect(Buffer.from(fields.memory.subarray(fields.keyStart, fields.keyEnd)).toString()).toBe(
    'chave',
  );
  fields.open(recordOf(recordAt(8, { key: null, value: '' })));
  expect(fields.keyEnd).toBe(-1);
  expect(valueOf(fields)).toHaveLength(0);
  const long = 'x'.repeat(70_000);
  fields.open(recordOf(recordAt(9, { value: long })));
  expect(Buffer.from(valueOf(fields) ?? []).toString()).toBe(long);
});
