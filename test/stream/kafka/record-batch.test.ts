import * as kafka from '@platformatic/kafka';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type BatchSpec, writeBatch } from '../../../src/stream/kafka/batch-writer.ts';
import { CODECS, Packing } from '../../../src/stream/kafka/compression.ts';
import {
  type Batch,
  BatchFault,
  isAbortMarker,
  readBatches,
  readRecords,
} from '../../../src/stream/kafka/record-batch.ts';
import { RecordPortion } from '../../../src/stream/kafka/record-view.ts';
import type { KafkaRecord, ProducedRecord } from '../../../src/stream/kafka/types.ts';

const packing = await Packing.open();
for (const codec of CODECS) await packing.load(codec);

const SPEC: BatchSpec = {
  codec: 'none',
  producerId: 9n,
  producerEpoch: 2,
  sequence: 0,
  transactional: false,
};

function record(value: string | null, timestampMs = 1_795_000_000_000): ProducedRecord {
  return { key: null, value: value === null ? null : Buffer.from(value), headers: [], timestampMs };
}

function batchOf(records: readonly ProducedRecord[], spec: Partial<BatchSpec> = {}): Buffer {
  return writeBatch(packing, { ...SPEC, ...spec }, records);
}

function heads(log: Buffer): Batch[] {
  return readBatches(log, (bytes) => packing.checksum(bytes));
}

function records(log: Buffer, start = 0, end = Infinity): readonly KafkaRecord[] {
  const found = new RecordPortion();
  for (const batch of heads(log)) {
    readRecords(batch, packing.unpack(batch.codec, batch.records), { start, end }, found);
  }
  return found.take();
}

function values(found: readonly KafkaRecord[]): (string | null)[] {
  return found.map(({ value }) => (value === null ? null : Buffer.from(value).toString()));
}

/** Changes a batch, and its checksum with it. */
function changed(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch);
  change(bytes);
  bytes.writeUInt32BE(packing.checksum(bytes.subarray(21)), 17);
  return bytes;
}

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 300 }));
const anyRecord: fc.Arbitrary<ProducedRecord> = fc.record({
  key: bytesOrNull,
  value: bytesOrNull,
  headers: fc.array(
    fc.tuple(
      fc.oneof(fc.constantFrom('id', 'type'), fc.string({ unit: 'grapheme' })),
      fc.uint8Array(),
    ),
    { maxLength: 12 },
  ),
  timestampMs: fc.integer({ min: -1, max: 4_000_000_000_000 }),
});

function plain(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}

describe.each(CODECS)('a batch packed by %s', (codec) => {
  test('has every record as it was written', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 30 }), (written) => {
        const read = records(batchOf(written, { codec }));
        expect(
          read.map(({ offset, timestampMs, key, value, headers }) => ({
            offset,
            timestampMs,
            key: plain(key),
            value: plain(value),
            headers: headers.map(([name, content]) => [plain(name), plain(content)]),
          })),
        ).toEqual(
          written.map(({ timestampMs, key, value, headers }, offset) => ({
            offset,
            timestampMs,
            key: plain(key),
            value: plain(value),
            headers: headers.map(([name, content]) => [plain(Buffer.from(name)), plain(content)]),
          })),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("is read by the client library, and the library's by us", () => {
    const written = [record('a'), record(null, 5), record('c'.repeat(500))];
    const theirs = kafka.readRecordsBatch(kafka.Reader.from(batchOf(written, { codec })));
    expect(theirs.records.map(({ value }) => plain(value))).toEqual(
      written.map(({ value }) => plain(value)),
    );
    expect(theirs).toMatchObject({ producerId: 9n, producerEpoch: 2 });
    const messages = ['x', 'y'].map((value) => ({
      topic: 't',
      partition: 0,
      value: Buffer.from(value),
      headers: new Map([[Buffer.from('h'), Buffer.from('1')]]),
      timestamp: 7n,
    }));
    const log = kafka.createRecordsBatch(messages, { compression: codec }).buffer;
    expect(values(records(log))).toEqual(['x', 'y']);
  });

  test('gives the records of the range only', () => {
    const log = batchOf(
      ['a', 'b', 'c', 'd', 'e'].map((text) => record(text)),
      { codec },
    );
    expect(values(records(log, 1, 3))).toEqual(['b', 'c']);
  });
});

test('several batches are read, and one that the broker cut is left out', () => {
  const second = Buffer.from(batchOf([record('c')]));
  second.writeBigInt64BE(100n);
  const log = Buffer.concat([batchOf([record('a'), record('b')]), second]);
  expect(records(log).map(({ offset }) => offset)).toEqual([0, 1, 100]);
  for (const cut of [1, 30, second.length - 1]) {
    expect(records(log.subarray(0, log.length - cut)).map(({ offset }) => offset)).toEqual([0, 1]);
  }
});

test('a batch from which compaction took all records keeps its offsets', () => {
  const log = changed(batchOf([record('a'), record('b')]), (bytes) => bytes.writeInt32BE(0, 57));
  expect(heads(log)[0]).toMatchObject({ baseOffset: 0, lastOffset: 1, recordCount: 0 });
  expect(records(log)).toEqual([]);
});

test("the broker's time of arrival stands for all records where the topic says so", () => {
  const log = changed(batchOf([record('a', 1), record('b', 2)]), (bytes) => {
    bytes.writeInt16BE(0x08, 21);
    bytes.writeBigInt64BE(1234n, 35);
  });
  expect(records(log).map(({ timestampMs }) => timestampMs)).toEqual([1234, 1234]);
});

test.each([
  [0, true],
  [1, false],
])('a marker of type %i', (type, aborts) => {
  const key = Buffer.from([0, 0, 0, type]);
  const written = { ...record(''), key };
  const log = changed(batchOf([written], { transactional: true }), (bytes) =>
    bytes.writeInt16BE(0x30, 21),
  );
  const [control] = heads(log);
  expect(control).toMatchObject({ control: true, transactional: true });
  expect(control === undefined ? null : isAbortMarker(control)).toBe(aborts);
});

function fault(log: Buffer): unknown {
  try {
    return records(log);
  } catch (error) {
    expect(error).toBeInstanceOf(BatchFault);
    return error instanceof BatchFault ? `${error.kind}: ${error.message}` : error;
  }
}

test('a flipped bit anywhere in a batch is found', () => {
  const log = batchOf([record('a'), record('b')]);
  for (let at = 21; at < log.length; at += 1) {
    const bytes = Buffer.from(log);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    expect(fault(bytes)).toMatch(/checksum/);
  }
});

test('what is no batch is refused by name', () => {
  const log = batchOf([record('aaaa'), record('b')]);
  const old = Buffer.from(log);
  old[16] = 1;
  expect(fault(old)).toBe('unsupported: the old message format 1');
  const short = Buffer.from(log);
  short.writeInt32BE(3, 8);
  expect(fault(short)).toBe('broken: a batch is shorter than its head');
  expect(fault(changed(log, (bytes) => bytes.writeInt16BE(5, 21)))).toBe('unsupported: codec 5');
});

test('records that do not fit into their batch are refused, whatever the checksum says', () => {
  const log = batchOf([record('aaaa'), record('b')]);
  for (let at = 61; at < log.length; at += 1) {
    for (const byte of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
      const bytes = changed(log, (each) => {
        each[at] = byte;
      });
      const outcome = fault(bytes);
      if (typeof outcome === 'string') expect(outcome).toMatch(/^broken: /);
    }
  }
});
