/** What a file holds that a table has no place for, at any depth. */

import type { DataType, StructType } from '../schema/index.ts';
import { isStruct, listShape, mapShape } from './nesting.ts';
import type { ParquetNode } from './types.ts';

/**
 * The dotted path of the first column, or field of a struct (also one within lists and maps), that is in the file and
 * not in `schema`; null where there is none. Names are matched ignoring case; of two that differ only by case, the one
 * that is not spelled as the schema's is unknown. Where the shapes differ, that is for `judgeVerbatim` to say.
 */
export function unknownColumn(columns: readonly ParquetNode[], schema: StructType): string | null {
  return unknownMember(columns, schema, '');
}

function unknownMember(
  nodes: readonly ParquetNode[],
  { fields }: StructType,
  prefix: string,
): string | null {
  for (const node of nodes) {
    const folded = node.name.toLowerCase();
    const field =
      fields.find(({ name }) => name === node.name) ??
      fields.find(
        ({ name }) => name.toLowerCase() === folded && !nodes.some((it) => it.name === name),
      );
    const path = prefix + node.name;
    if (field === undefined) return path;
    const within = unknownWithin(node, field.type, path);
    if (within !== null) return within;
  }
  return null;
}

function unknownWithin(node: ParquetNode, type: DataType, path: string): string | null {
  if (type.kind === 'struct') {
    return isStruct(node) ? unknownMember(node.children, type, `${path}.`) : null;
  }
  if (type.kind === 'array') {
    const shape = listShape(node);
    return shape === null ? null : unknownWithin(shape.element, type.element, `${path}.element`);
  }
  const shape = type.kind === 'map' ? mapShape(node) : null;
  if (shape === null || type.kind !== 'map') return null;
  return (
    unknownWithin(shape.key, type.key, `${path}.key`) ??
    unknownWithin(shape.value, type.value, `${path}.value`)
  );
}
