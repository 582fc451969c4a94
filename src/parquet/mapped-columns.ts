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

/** Finds the column of a field among its siblings in a file. */
export type FindColumn = (field: StructField, nodes: readonly ParquetNode[]) => ParquetNode | null;

/**
 * The other way round: the footer as if its file held only columns of the schema, under their names and in their order. Null
 * where what is in a column is laid out in a way that is not the schema's.
 */
export function unmappedFooter(
  footer: ParquetFooter,
  schema: StructType,
  find: FindColumn,
): ParquetFooter | null {
  const places = new Map(leavesOf(footer.columns).map(({ node }, index) => [node, index]));
  const found = schema.fields.flatMap((field) => {
    const node = find(field, footer.columns);
    return node === null ? [] : [{ node, named: namedColumn(node, field, find) }];
  });
  const columns = found.flatMap(({ named }) => named ?? []);
  if (columns.length < found.length) return null;
  const own = leavesOf(found.map(({ node }) => node)).map(({ node }) =>
    present(places.get(node), 'the place of a leaf in its row groups'),
  );
  const paths = leavesOf(columns).map(({ path }) => path);
  const rowGroups = footer.rowGroups.map((rowGroup): RowGroup => ({
    ...rowGroup,
    columns: own.map((place, index) => ({
      ...present(rowGroup.columns[place], 'a chunk of a row group'),
      path: present(paths[index], 'the column of a chunk'),
    })),
  }));
  return { ...footer, columns, rowGroups };
}

function namedColumn(node: ParquetNode, field: StructField, find: FindColumn): ParquetNode | null {
  const named = namedNode(node, field.type, find);
  return named === null ? null : { ...named, name: field.name };
}

function namedNode(node: ParquetNode, type: DataType, find: FindColumn): ParquetNode | null {
  switch (type.kind) {
    case 'struct': {
      const fieldOf = new Map(type.fields.map((field) => [find(field, node.children), field]));
      const children = node.children.flatMap((child) => {
        const field = fieldOf.get(child);
        return field === undefined ? [] : (namedColumn(child, field, find) ?? []);
      });
      return children.length === node.children.length ? { ...node, children } : null;
    }
    case 'array': {
      const shape = listShape(node);
      const element =
        shape?.standard === true ? namedNode(shape.element, type.element, find) : null;
      return element === null ? null : withInner(node, [element]);
    }
    case 'map': {
      const shape = mapShape(node);
      if (shape?.standard !== true) return null;
      const [key, value] = [
        namedNode(shape.key, type.key, find),
        namedNode(shape.value, type.value, find),
      ];
      return key === null || value === null ? null : withInner(node, [key, value]);
    }
    default:
      return node;
  }
}
