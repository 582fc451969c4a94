/**
 * Files of tables with column mapping: a file that was written under the names of the schema gets the names and ids that its columns
 * have in files. Only the footer is written again. PROTOCOL.md, "Column Mapping".
 */

import { open } from 'node:fs/promises';

import { present } from '../base/index.ts';
import {
  type DataType,
  mappingId,
  nestedMappingId,
  physicalName,
  type StructField,
  type StructType,
} from '../schema/index.ts';
import { unwritable } from './errors.ts';
import { encodeTrailer } from './footer-writer.ts';
import { listShape, mapShape } from './nesting.ts';
import { leavesOf } from './schema-tree.ts';
import { writeAll } from './stage.ts';
import type { ParquetFooter, ParquetNode, RowGroup } from './types.ts';

/** Length and magic. */
const TRAILER_BYTES = 8;

/**
 * The bytes of a file, written from this schema here, with physical names and with field ids, nested ones too; `footer` is the
 * file's own. Bloom filters are left out. A name that the file has no column of, or the other way round, is a bug.
 */
export function mapColumns(
  bytes: Uint8Array,
  footer: ParquetFooter,
  schema: StructType,
): Uint8Array {
  return Buffer.concat([bytes.subarray(0, pagesEnd(footer)), mappedTrailer(footer, schema)]);
}

/** As `mapColumns`, in the local file itself. Errors: `PARQUET_UNWRITABLE` (unavailable). */
export async function mapColumnsOf(
  file: string,
  footer: ParquetFooter,
  schema: StructType,
): Promise<void> {
  const trailer = mappedTrailer(footer, schema);
  try {
    const out = await open(file, 'r+');
    try {
      await out.truncate(pagesEnd(footer));
      await writeAll(out, trailer, pagesEnd(footer));
    } finally {
      await out.close();
    }
  } catch (error) {
    throw unwritable(file, error);
  }
}

function pagesEnd({ fileSizeBytes, bytes }: ParquetFooter): number {
  return fileSizeBytes - TRAILER_BYTES - bytes.length;
}

function mappedTrailer(footer: ParquetFooter, schema: StructType): Uint8Array {
  const columns = mappedNodes(footer.columns, schema);
  const paths = leavesOf(columns).map(({ path }) => path);
  const rowGroups = footer.rowGroups.map((rowGroup): RowGroup => ({
    ...rowGroup,
    columns: rowGroup.columns.map((chunk, index) => ({
      ...chunk,
      path: present(paths[index], 'the column of a chunk'),
    })),
  }));
  return encodeTrailer({ ...footer, columns, rowGroups });
}

function mappedNodes(nodes: readonly ParquetNode[], struct: StructType): readonly ParquetNode[] {
  const fields = new Map(struct.fields.map((field) => [field.name, field]));
  return nodes.map((node) => {
    const field = present(fields.get(node.name), 'the field of a column that was written');
    const name = physicalName(field);
    const mapped = mappedNode(node, field.type, { field, path: name });
    return { ...mapped, name, fieldId: mappingId(field) };
  });
}

/** Where a node stands below the nearest field. */
interface Place {
  readonly field: StructField;
  readonly path: string;
}

function mappedNode(node: ParquetNode, type: DataType, place: Place): ParquetNode {
  switch (type.kind) {
    case 'struct':
      return { ...node, children: mappedNodes(node.children, type) };
    case 'array': {
      const { element } = present(listShape(node), 'the element of a list');
      return withInner(node, [innerNode(element, type.element, place, 'element')]);
    }
    case 'map': {
      const { key, value } = present(mapShape(node), 'key and value of a map');
      const keyNode = innerNode(key, type.key, place, 'key');
      return withInner(node, [keyNode, innerNode(value, type.value, place, 'value')]);
    }
    default:
      return node;
  }
}

/** What is no field has an id where Iceberg is to find it. */
function innerNode(node: ParquetNode, type: DataType, above: Place, step: string): ParquetNode {
  const place = { field: above.field, path: `${above.path}.${step}` };
  return { ...mappedNode(node, type, place), fieldId: nestedMappingId(place.field, place.path) };
}

/** Lists and maps have a level between them and what they hold. */
function withInner(node: ParquetNode, children: readonly ParquetNode[]): ParquetNode {
  return { ...node, children: node.children.map((level) => ({ ...level, children })) };
}
