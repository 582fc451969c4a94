/** The header of a page (parquet.thrift, `PageHeader`). */

import { crc32 } from 'node:zlib';

import type { Corrupt } from './errors.ts';
import { encodingOf } from './row-group.ts';
import { type FieldType, ThriftReader } from './thrift.ts';

interface PageSizes {
  /** Of the header itself. */
  readonly headerBytes: number;
  /** Of what follows it in the file. */
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  /** CRC-32 of what follows it in the file; null where its writer left it out. */
  readonly checksum: number | null;
}

export type PageHeader = PageSizes &
  (
    | { readonly kind: 'dictionary'; readonly valueCount: number; readonly encoding: string }
    | {
        readonly kind: 'data';
        /** Nulls counted. */
        readonly valueCount: number;
        readonly encoding: string;
        readonly definitionEncoding: string;
      }
    | {
        readonly kind: 'data v2';
        readonly valueCount: number;
        readonly encoding: string;
        /** Of the levels, which come first and are never compressed. */
        readonly definitionBytes: number;
        readonly repetitionBytes: number;
        readonly valuesCompressed: boolean;
      }
    /** An index page, or what a later version of the format has. */
    | { readonly kind: 'other' }
  );

/** Decodes the header that `bytes` begin with. */
export function decodePageHeader(bytes: Uint8Array, corrupt: Corrupt): PageHeader {
  const reader = new ThriftReader(bytes, corrupt);
  const own: number[] = [];
  let content: readonly number[] = [];
  reader.struct((id, type) => {
    if (id === 5 || id === 7 || id === 8) content = readNumbers(reader, type);
    else if (id <= CHECKSUM) own[id] = reader.integer(type);
    else reader.skip(type);
  });
  const number = (from: readonly number[], id: number): number => {
    const value = from[id] ?? -1;
    if (value < 0) throw corrupt('a page header lacks a field, or has a negative number in it');
    return value;
  };
  const checksum = own[CHECKSUM];
  const sizes = {
    headerBytes: reader.offset,
    // It stands there with a sign.
    checksum: checksum === undefined ? null : checksum >>> 0,
    uncompressedBytes: number(own, 2),
    compressedBytes: number(own, 3),
  };
  const encoding = (id: number): string => encodingOf(number(content, id));
  switch (number(own, 1)) {
    case 0:
      return {
        ...sizes,
        kind: 'data',
        valueCount: number(content, 1),
        encoding: encoding(2),
        definitionEncoding: encoding(3),
      };
    case 2:
      return {
        ...sizes,
        kind: 'dictionary',
        valueCount: number(content, 1),
        encoding: encoding(2),
      };
    case 3:
      return {
        ...sizes,
        kind: 'data v2',
        valueCount: number(content, 1),
        encoding: encoding(4),
        definitionBytes: number(content, 5),
        repetitionBytes: number(content, 6),
        valuesCompressed: content[IS_COMPRESSED] !== 0,
      };
    default:
      return { ...sizes, kind: 'other' };
  }
}

/** Throws what `corrupt` makes where `body`, which follows the header in its file, is not what was written. */
export function checkPage(header: PageHeader, body: Uint8Array, corrupt: Corrupt): void {
  if (header.checksum === null || header.checksum === crc32(body)) return;
  throw corrupt('the checksum of a page is another');
}

const CHECKSUM = 4;
/** Of `DataPageHeaderV2`; true where it is left out. */
const IS_COMPRESSED = 7;

/** The integers and booleans (as 0 and 1) of a nested struct, each at its id. */
function readNumbers(reader: ThriftReader, type: FieldType): readonly number[] {
  const numbers: number[] = [];
  reader.nested(type, (id, fieldType) => {
    const value = reader.number(fieldType);
    if (value !== null) numbers[id] = value;
  });
  return numbers;
}
