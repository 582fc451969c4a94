/** Which column of a file holds a field of the table. PROTOCOL.md, "Column mapping". */

import type { ParquetNode } from '../parquet/index.ts';
import { mappingId, type MappingMode, physicalName, type StructField } from '../schema/index.ts';

/**
 * The node of a field among its siblings in the file, or null where the file lacks it. By physical name under `name`, by
 * field id under `id` (by physical name in a file without ids, and for a column of changes that has none); else by name, where an exact match wins over one that
 * differs by case.
 */
export function matchField(
  field: StructField,
  nodes: readonly ParquetNode[],
  mapping: MappingMode,
): ParquetNode | null {
  const id = mapping === 'id' ? mappingId(field) : null;
  if (id !== null && nodes.some((node) => node.fieldId !== null)) {
    return nodes.find((node) => node.fieldId === id) ?? null;
  }
  const name = mapping === 'none' ? field.name : physicalName(field);
  const exact = nodes.find((node) => node.name === name);
  if (exact !== undefined) return exact;
  const folded = name.toLowerCase();
  return nodes.find((node) => node.name.toLowerCase() === folded) ?? null;
}
