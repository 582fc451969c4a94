import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { readTimestamp } from '../../src/schema/index.ts';
import { TimeReader } from '../../src/stream/message-time.ts';

const reader = new TimeReader();

/** Between other bytes, that are not of the text. */
function read(text: string): number {
  const bytes = Uint8Array.from(Buffer.from(`9${text}9`, 'latin1'));
  const from = { memory: bytes, view: new DataView(bytes.buffer) };
  return reader.read(from, 1, bytes.length - 1);
}

function expected(text: string): number {
  const micros = Number(readTimestamp(text)?.micros ?? Number.NaN);
  return Number.isSafeInteger(micros) ? micros : Number.NaN;
}

test.each([
  '2026-11-22T10:11:12Z',
  '2026-11-22T10:11:12.5Z',
  '2026-11-22 10:11:12.123456',
  '2026-11-22T10:11:12.123456789Z',
  '2026-11-22T10:11:12.123-03:00',
  '2026-11-22T10:11:12+18:00',
  '2026-11-22T10:11:12.1+05:45',
  '2026-11-22T10:11:12-0300',
  '2026-11-22t10:11:12z',
  '2026-11-22',
  '2024-02-29T23:59:59.999Z',
  '1684-12-31T00:00:00.000001Z',
  '2255-01-01T00:00:00.999999-12:00',
])('%s is the time that it says', (text) => {
  expect(read(text)).not.toBeNaN();
  expect(read(text)).toBe(expected(text));
});

test.each([
  '',
  'agora',
  '2026-13-01T00:00:00Z',
  '2026-02-29T00:00:00Z',
  '2026-11-22T24:00:00Z',
  '2026-11-22T10:60:00Z',
  '2026-11-22T10:00:60Z',
  '2026-11-22T10:00:00.Z',
  '2026-11-22T10:00:00+18:01',
  '2026-11-22T10:00:00+03:60',
  '2026-11-22T10:00:00+0:300',
  '2026-11-22T10:00:00Zx',
  '2026-11-22T10:00:0',
  '2O26-11-22T10:00:00Z',
  // Beyond what a number holds exactly.
  '0000-01-01T00:00:00Z',
  '1500-01-01T00:00:00.000001Z',
  '9999-12-31T23:59:59.999999Z',
  '+12026-01-01T00:00:00Z',
])('%j is no time', (text) => {
  expect(read(text)).toBeNaN();
});

test('what is nearly a time is read as by the patterns of timestamps, whatever came before', () => {
  const part = (values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
  const text = fc
    .tuple(
      part(['2026-11-22', '2026-11-23', '2024-02-29', '2023-02-29', '1969-12-31', '2026-1-22']),
      part(['T', ' ', 't', '_']),
      part(['00:00:00', '23:59:59', '24:00:00', '7:00:00', '12:34:56', '12-34-56']),
      part(['', '.', '.1', '.12', '.123', '.1234', '.123456', '.1234567', '.12x', ',123']),
      part([
        '',
        'Z',
        'z',
        ' Z',
        '+03:00',
        '-03:00',
        '+0300',
        '+03',
        '-18:00',
        '+18:30',
        '+19:00',
        'UTC',
        '!',
      ]),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (it) => Object.is(read(it), expected(it))),
    { numRuns: 2000 },
  );
});
