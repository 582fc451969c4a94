/** Which column of a file holds a field of the table. PROTOCOL.md, "Column mapping". */

import type { ParquetNode } from '../parquet/index.ts';
import type { StructField } from '../schema/index.ts';

/** The values of `delta.columnMapping.mode`. */
export type MappingMode = 'none' | 'name' | 'id';

/**
 * The node of a field among its siblings in the file, or null where the file lacks it. By physical name under `name`, by
 * field id under `id` (by physical name in a file without ids); else by name, where an exact match wins over one that
 * differs by case.
 */
export function matchField(
  field: StructField,
  nodes: readonly ParquetNode[],
  mapping: MappingMode,
): ParquetNode | null {
  if (mapping === 'id' && nodes.some((node) => node.fieldId !== null)) {
    const id = field.metadata['delta.columnMapping.id'];
    return nodes.find((node) => node.fieldId !== null && node.fieldId === Number(id)) ?? null;
  }
  const name = mapping === 'none' ? field.name : physicalName(field);
  const exact = nodes.find((node) => node.name === name);
  if (exact !== undefined) return exact;
  const folded = name.toLowerCase();
  return nodes.find((node) => node.name.toLowerCase() === folded) ?? null;
}

/** The name of a field in files, partition values and statistics; its own name without column mapping. */
export function physicalName(field: StructField): string {
  const name = field.metadata['delta.columnMapping.physicalName'];
  return typeof name === 'string' ? name : field.name;
}
