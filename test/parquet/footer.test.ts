import { array, assert, integer, nat, property, record, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import {
  type ByteSource,
  decodeFooter,
  memorySource,
  readFooter,
} from '../../src/parquet/index.ts';
import { encodeTrailer } from '../../src/parquet/footer-writer.ts';
import { fixtureBytes, fixtureFooter } from './fixture.ts';

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A file around a footer that need not be right. */
function fileOf(footer: Uint8Array, claimedBytes = footer.length): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(claimedBytes);
  return Buffer.concat([encode('PAR1'), footer, length, encode('PAR1')]);
}

async function codeOf(bytes: Uint8Array): Promise<string> {
  try {
    await readFooter(memorySource('f', bytes));
  } catch (error) {
    if (isDeltaError(error)) return error.code;
    throw error;
  }
  return 'none';
}

test('a footer tells the schema, the row groups and who wrote the file', async () => {
  const footer = await fixtureFooter('types.parquet');
  expect(footer.rowCount).toBe(3);
  expect(footer.createdBy).toMatch(/^parquet-cpp-arrow/);
  expect(footer.typeDefinedOrder).toBe(true);
  expect(footer.keyValues.has('ARROW:schema')).toBe(true);
  const names = footer.columns.map((column) => column.name);
  expect(names.slice(0, 5)).toEqual(['flag', 'byte', 'short', 'int', 'long']);
  const at = footer.columns.find((column) => column.name === 'at');
  expect(at?.logicalType).toEqual({ kind: 'timestamp', unit: 'us', adjustedToUtc: true });
  const paths = footer.rowGroups[0]?.columns.map((chunk) => chunk.path.join('.'));
  expect(paths).toContain('tags.list.element');
  const long = footer.rowGroups[0]?.columns[4];
  expect(long).toMatchObject({ codec: 'snappy', valueCount: 3, encrypted: false });
  expect(long?.statistics?.nullCount).toBe(1n);
  expect(Buffer.from(long?.statistics?.max ?? []).readBigInt64LE()).toBe(2n ** 60n);
});

test('codecs, encodings and types that are seldom seen keep their names', async () => {
  const footer = await fixtureFooter('rare.parquet');
  const kinds = footer.columns.map((column) => column.logicalType?.kind ?? null);
  expect(kinds).toEqual([
    'integer',
    'time',
    'unknown',
    'float16',
    'integer',
    'integer',
    null,
    null,
  ]);
  const split = footer.rowGroups[0]?.columns.at(-1);
  expect(split?.codec).toBe('brotli');
  expect(split?.encodings).toContain('BYTE_STREAM_SPLIT');
});

test('a footer longer than the first read takes exactly one more', async () => {
  const bytes = await fixtureBytes('types.parquet');
  const footerStart = bytes.length - 8 - Buffer.from(bytes).readUInt32LE(bytes.length - 8);
  const padding = new Uint8Array(70_000);
  // Skipped as an unknown binary field: delta 15, type 8, then its length as a varint.
  const field = Buffer.concat([Uint8Array.of(0xf8, 0xf0, 0xa2, 0x04), padding]);
  const footer = Buffer.concat([bytes.subarray(footerStart, -9), field, Uint8Array.of(0)]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  const whole = Buffer.concat([bytes.subarray(0, footerStart), footer, length, encode('PAR1')]);
  const reads: number[] = [];
  const source: ByteSource = {
    name: 'f',
    sizeBytes: whole.length,
    read: (start, end) => {
      reads.push(end - start);
      return Promise.resolve(whole.subarray(start, end));
    },
  };
  const { rowCount } = await readFooter(source);
  expect(rowCount).toBe(3);
  expect(reads).toEqual([65_536, footer.length]);
});

test('what is not a whole Parquet file is refused by its own code', async () => {
  const bytes = await fixtureBytes('types.parquet');
  expect(await codeOf(new Uint8Array())).toBe('PARQUET_EMPTY_FILE');
  expect(await codeOf(encode('id,name\n1,a\n'))).toBe('PARQUET_NOT_PARQUET');
  expect(await codeOf(encode('x'))).toBe('PARQUET_NOT_PARQUET');
  expect(await codeOf(encode('PAR1'))).toBe('PARQUET_TRUNCATED');
  expect(await codeOf(encode('PA'))).toBe('PARQUET_TRUNCATED');
  expect(await codeOf(bytes.subarray(0, -1))).toBe('PARQUET_TRUNCATED');
  expect(await codeOf(bytes.subarray(0, 2000))).toBe('PARQUET_TRUNCATED');
  expect(await codeOf(Buffer.concat([bytes.subarray(0, -4), encode('PARE')]))).toBe(
    'PARQUET_ENCRYPTED',
  );
  expect(await codeOf(fileOf(new Uint8Array(3)))).toBe('PARQUET_CORRUPT_FOOTER');
  expect(await codeOf(fileOf(new Uint8Array(3), 4_000_000_000))).toBe('PARQUET_CORRUPT_FOOTER');
});

test('a file that shrank after it was listed is truncated, not corrupt', async () => {
  const bytes = await fixtureBytes('types.parquet');
  const source = { ...memorySource('f', bytes), sizeBytes: bytes.length + 10 };
  await expect(readFooter(source)).rejects.toMatchObject({ code: 'PARQUET_TRUNCATED' });
});

test('lists that claim to be huge, and structs that nest without end, are refused', async () => {
  // Field 2, list of structs, 2^31 of them.
  expect(await codeOf(fileOf(Uint8Array.of(0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 7)))).toBe(
    'PARQUET_CORRUPT_FOOTER',
  );
  expect(await codeOf(fileOf(new Uint8Array(100_000).fill(0x1c)))).toBe('PARQUET_CORRUPT_FOOTER');
});

test('a footer with changed bytes is read or refused, and nothing else happens', async () => {
  for (const name of ['types.parquet', 'rare.parquet']) {
    const { bytes, fileSizeBytes } = await fixtureFooter(name);
    const change = record({
      offset: nat(bytes.length - 1),
      byte: integer({ min: 0, max: 255 }),
    });
    assert(
      property(array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const changed = Uint8Array.from(bytes);
        for (const { offset, byte } of changes) changed[offset] = byte;
        expectReadOrRefused(changed, fileSizeBytes);
      }),
      { numRuns: 2000 },
    );
  }
});

test('a footer cut short or made of random bytes is read or refused', async () => {
  const { bytes, fileSizeBytes } = await fixtureFooter('types.parquet');
  for (let end = 0; end < bytes.length; end += 1) {
    expectReadOrRefused(bytes.subarray(0, end), fileSizeBytes);
  }
  assert(
    property(uint8Array({ maxLength: 200 }), (random) => expectReadOrRefused(random, 10_000)),
    { numRuns: 2000 },
  );
});

function expectReadOrRefused(bytes: Uint8Array, fileSizeBytes: number): void {
  try {
    decodeFooter(bytes, { file: 'f', fileSizeBytes });
  } catch (error) {
    if (!isDeltaError(error, 'PARQUET_CORRUPT_FOOTER')) throw error;
  }
}

test.each([
  ['a group', null],
  ['a value', 'INT32'],
] as const)('a logical type that %s cannot have is corrupt', async (_case, physicalType) => {
  const kind = physicalType === null ? 'date' : 'list';
  const leaf = {
    name: 'a',
    repetition: 'REQUIRED',
    physicalType: 'INT32',
    typeLength: null,
    logicalType: null,
    fieldId: null,
    children: [],
  } as const;
  const children = physicalType === null ? [leaf] : [];
  const trailer = encodeTrailer({
    columns: [{ ...leaf, physicalType, logicalType: { kind }, children }],
    rowGroups: [],
    createdBy: null,
    keyValues: new Map(),
    typeDefinedOrder: false,
  });
  const bytes = Buffer.concat([Buffer.from('PAR1'), trailer]);
  await expect(readFooter(memorySource('f', bytes))).rejects.toMatchObject({
    code: 'PARQUET_CORRUPT_FOOTER',
  });
});
