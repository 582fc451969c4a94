/** Which files hold what is not in the table any more: rows that a vector hides, and columns that were dropped. */

import { matchField } from '../../engine/index.ts';
import { type AddFile, rowIdColumnNames } from '../../log/index.ts';
import { listShape, mapShape, type ParquetNode } from '../../parquet/index.ts';
import type { DataType, MappingMode, StructType } from '../../schema/index.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { dataFileFooter } from './input-stage.ts';
import { mappingOf } from './input-table.ts';
import { isInChosenPartition, type PackOptions } from './optimize-plan.ts';

/** The files of chosen partitions with rows or columns to be purged. Errors: those of footers and of the stores. */
export async function filesToPurge(
  ctx: TableContext,
  snapshot: Snapshot,
  files: Iterable<AddFile>,
  { where, signal }: Pick<PackOptions, 'where'> & { readonly signal?: AbortSignal },
): Promise<readonly AddFile[]> {
  const isChosen = isInChosenPartition(snapshot, where === undefined ? {} : { where });
  const { schema } = snapshot;
  const mapping = mappingOf(snapshot);
  // They are in no schema. PROTOCOL.md, "Row Tracking".
  const kept = new Set(Object.values(rowIdColumnNames(snapshot.metadata) ?? {}));
  const found = await inParallel(files, STORE_REQUESTS_MAX, async (add) => {
    signal?.throwIfAborted();
    if (!isChosen(add)) return [];
    if (add.deletionVector !== undefined) return [add];
    const file = { ...(await fileAt(ctx, add.path)), sizeBytes: add.size };
    const { columns } = await dataFileFooter(file);
    const own = columns.filter(({ name }) => !kept.has(name));
    return holdsMore(own, schema, mapping) ? [add] : [];
  });
  return found.flat();
}

function holdsMore(
  nodes: readonly ParquetNode[],
  schema: StructType,
  mapping: MappingMode,
): boolean {
  return nodes.some((node) => {
    const field = schema.fields.find((it) => matchField(it, [node], mapping) !== null);
    return field === undefined || holdsMoreWithin(node, field.type, mapping);
  });
}

function holdsMoreWithin(node: ParquetNode, type: DataType, mapping: MappingMode): boolean {
  switch (type.kind) {
    case 'struct':
      return holdsMore(node.children, type, mapping);
    case 'array': {
      const list = listShape(node);
      return list !== null && holdsMoreWithin(list.element, type.element, mapping);
    }
    case 'map': {
      const map = mapShape(node);
      return (
        map !== null &&
        (holdsMoreWithin(map.key, type.key, mapping) ||
          holdsMoreWithin(map.value, type.value, mapping))
      );
    }
    default:
      return false;
  }
}
