/**
 * Statistics that a checkpoint has as typed columns alone, as the texts that commits have. PROTOCOL.md, "Checkpoint Schema", of
 * `stats_parsed`. What JSON cannot hold as a bound is left out.
 */

import { JsonNumber, type JsonObject, type JsonValue, printJson } from '../base/index.ts';
import type * as Parquet from '../parquet/index.ts';
import type { LeafChunk, ParquetNode } from '../parquet/index.ts';
import { decimalType, fromScalar, printDate, printTimestamp } from '../schema/index.ts';
import type { SegmentSource } from './file-segment.ts';

const MEMBER = 'stats_parsed';
const PATH = ['add', MEMBER] as const;
/** Definition level of a member of `add` that is there. */
const LEVEL = 2;

/** The texts of a row group, as a column of them would be; null where there are no typed statistics. Errors: those of `readRows`. */
export async function typedStatistics(from: SegmentSource): Promise<LeafChunk | null> {
  const { parquet, source, footer, rowGroup } = from;
  const add = footer.columns.find(({ name }) => name === 'add');
  const node = add?.children.find(({ name }) => name === MEMBER);
  if (node === undefined || !hasValues(from)) return null;
  const print = printerOf(node);
  const columns = leafPaths(node, PATH);
  if (print === null || columns.length === 0) return null;
  const texts = new parquet.TextLeaf(LEVEL);
  for await (const row of parquet.readRows(source, footer, { columns, rowGroups: [rowGroup] })) {
    const members = row['add'];
    const json = isRecord(members) ? print(members[MEMBER]) : undefined;
    if (json === undefined) texts.appendNull(LEVEL - 1);
    else texts.append(printJson(json));
  }
  return parquet.textChunk(texts, { path: ['add', 'stats'], level: LEVEL, file: source.name });
}

function hasValues({ parquet, footer, rowGroup }: SegmentSource): boolean {
  const chunk = parquet.chunkOf(footer, rowGroup, [...PATH, 'numRecords']);
  return chunk !== null && chunk.statistics?.nullCount !== BigInt(chunk.valueCount);
}

/** What the JSON has for a value; undefined where that is nothing. */
type Printer = (value: unknown) => JsonValue | undefined;

/** Null for a leaf whose values are no statistics of JSON. */
function printerOf(node: ParquetNode): Printer | null {
  if (node.physicalType === null) return structPrinter(node);
  switch (node.logicalType?.kind) {
    case undefined:
      return node.physicalType === 'BYTE_ARRAY' ? null : plainPrinter(node.physicalType);
    case 'integer':
      return plain;
    case 'string':
      return (value) => (typeof value === 'string' ? value : undefined);
    case 'date':
      return (value) => (typeof value === 'number' ? printDate(value) : undefined);
    case 'decimal': {
      const type = decimalType(node.logicalType.precision, node.logicalType.scale);
      return (value) => {
        const text = typeof value === 'bigint' ? fromScalar(value, type) : null;
        return typeof text === 'string' ? new JsonNumber(text) : undefined;
      };
    }
    case 'timestamp':
      return node.logicalType.unit === 'us' ? timePrinter(node.logicalType.adjustedToUtc) : null;
    default:
      return null;
  }
}

function structPrinter({ children }: ParquetNode): Printer {
  const printers = children.flatMap((child) => {
    const print = printerOf(child);
    return print === null ? [] : [{ name: child.name, print }];
  });
  return (value) => {
    if (!isRecord(value)) return undefined;
    const members = printers.flatMap(({ name, print }) => {
      const json = Object.hasOwn(value, name) ? print(value[name]) : undefined;
      return json === undefined ? [] : [[name, json] as const];
    });
    return members.length === 0 ? undefined : (Object.fromEntries(members) satisfies JsonObject);
  };
}

/** Years of INT96 beyond what Arrow holds would make the file unreadable: those columns stay unknown. */
function plainPrinter(physicalType: Parquet.PhysicalType): Printer | null {
  return physicalType === 'INT96' || physicalType === 'FIXED_LEN_BYTE_ARRAY' ? null : plain;
}

function plain(value: unknown): JsonValue | undefined {
  if (typeof value === 'bigint' || typeof value === 'boolean') return value;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** With three digits of the second's fraction, as writers of JSON have them, unless there are more. */
function timePrinter(adjustedToUtc: boolean): Printer {
  const zone = adjustedToUtc ? 'Z' : '';
  return (value) => {
    if (typeof value !== 'bigint') return undefined;
    const fraction = value % 1000n === 0n ? 'millis' : 'micros';
    return printTimestamp(value, { separator: 'T', fraction, zone });
  };
}

/** The leaves that have printers. */
function leafPaths(node: ParquetNode, path: readonly string[]): readonly (readonly string[])[] {
  if (node.physicalType !== null) return printerOf(node) === null ? [] : [path];
  return node.children.flatMap((child) => leafPaths(child, [...path, child.name]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
