/** Row groups made of Arrow data, for all types that Delta has. */

import type { Data, RecordBatch, Table } from 'apache-arrow';

import type { ArrowModule } from './arrow-schema.ts';
import { ChunkEncoder, type Leaf } from './chunk-encoder.ts';
import { unencodable } from './errors.ts';
import type { CopiedLeaf, FilePart } from './leaf-copy.ts';
import {
  type ColumnPlan,
  hasWholeDictionaries,
  type LeafPiece,
  leafPieces,
  NO_VALUES,
  planColumn,
} from './leaf-values.ts';
import type { Codec, ColumnChunk, ParquetNode, RowGroup } from './types.ts';

/** The pages of a row group, were they the first bytes of the file. */
export interface EncodedRowGroup {
  readonly columns: readonly ParquetNode[];
  /** Null where there are no rows. */
  readonly rowGroup: RowGroup | null;
  readonly parts: readonly FilePart[];
}

/** Each piece of the data makes pages of its own: more of them are for an encoder that copies them together first. */
const PIECES_MAX = 16;

export class RowGroupEncoder {
  readonly #arrow: ArrowModule;
  readonly #chunks: ChunkEncoder;

  constructor(arrow: ArrowModule, codec: Codec) {
    this.#arrow = arrow;
    this.#chunks = new ChunkEncoder(codec);
  }

  /** Null for data that it does not encode. Errors: `PARQUET_UNENCODABLE`. */
  encode({ schema, batches, numRows }: Table): EncodedRowGroup | null {
    if (batches.length > PIECES_MAX) return null;
    const plans: ColumnPlan[] = [];
    for (const field of schema.fields) {
      const plan = planColumn(this.#arrow, field);
      if (plan === null) return null;
      plans.push(plan);
    }
    const columns = plans.map(({ node }) => node);
    if (numRows === 0) return { columns, rowGroup: null, parts: [] };
    if (!batches.every(({ data }) => hasWholeDictionaries(data))) return null;
    const chunks: ColumnChunk[] = [];
    const parts: Uint8Array[] = [];
    let end = 0;
    for (const [index, plan] of plans.entries()) {
      const pieces = batches.map((batch) => leafPieces(plan, columnOf(batch, index)));
      for (const [at, leaf] of leavesBelow(plan.node).entries()) {
        const own = pieces.flatMap((each) => each[at] ?? []);
        const encoded = this.#chunks.encode(leaf, own);
        const { chunk } = encoded;
        chunks.push({ ...chunk, start: end, dataStart: end + chunk.dataStart });
        parts.push(...encoded.parts);
        end += chunk.sizeBytes;
      }
    }
    return { columns, rowGroup: { rowCount: numRows, columns: chunks }, parts };
  }

  /** A row group of what there is for each leaf; one that there is nothing for is null from the root on. */
  encodeLeaves(
    columns: readonly ParquetNode[],
    rowCount: number,
    from: LeafSource,
  ): EncodedRowGroup {
    const nothing = new Uint8Array(rowCount);
    const chunks: ColumnChunk[] = [];
    const parts: FilePart[] = [];
    let end = 0;
    for (const leaf of columns.flatMap(leavesBelow)) {
      const source = from(leaf.path) ?? {
        values: NO_VALUES,
        count: rowCount,
        definitions: nothing,
        repetitions: leaf.repetition === 0 ? null : nothing,
        places: null,
      };
      const encoded = 'chunk' in source ? source : this.#chunks.encode(leaf, [source]);
      const { chunk } = encoded;
      chunks.push({ ...chunk, start: end, dataStart: end + chunk.dataStart });
      parts.push(...encoded.parts);
      end += chunk.sizeBytes;
    }
    return { columns, rowGroup: { rowCount, columns: chunks }, parts };
  }
}

/** What there is for the leaf at a path; null for nothing. */
export type LeafSource = (path: readonly string[]) => LeafPiece | CopiedLeaf | null;

function columnOf({ data }: RecordBatch, index: number): Data {
  const column = data.children[index];
  if (column === undefined) throw unencodable(new Error('a batch lacks a column of its schema'));
  return column;
}

/** The leaves of a column, with the levels that their entries have. */
export function leavesBelow(column: ParquetNode): readonly Leaf[] {
  const leaves: Leaf[] = [];
  const visit = (
    node: ParquetNode,
    parents: readonly string[],
    levels: { readonly definition: number; readonly repetition: number },
  ): void => {
    const path = [...parents, node.name];
    const own = {
      definition: levels.definition + (node.repetition === 'REQUIRED' ? 0 : 1),
      repetition: levels.repetition + (node.repetition === 'REPEATED' ? 1 : 0),
    };
    if (node.physicalType !== null) leaves.push({ path, node, ...own });
    for (const child of node.children) visit(child, path, own);
  };
  visit(column, [], { definition: 0, repetition: 0 });
  return leaves;
}

/** The leaves of Arrow data of one batch, to be written beside others. Errors: `PARQUET_UNENCODABLE`. */
export async function tableLeaves({ schema, batches }: Table): Promise<LeafSource> {
  const arrow = await import('apache-arrow');
  const leaves = new Map<string, LeafPiece>();
  for (const batch of batches) {
    for (const [index, field] of schema.fields.entries()) {
      const plan = planColumn(arrow, field);
      if (plan === null)
        throw unencodable(new Error(`${field.name} has a type that is not encoded`));
      const pieces = leafPieces(plan, columnOf(batch, index));
      for (const [at, { path }] of leavesBelow(plan.node).entries()) {
        const piece = pieces[at];
        if (piece !== undefined) leaves.set(path.join('\u0000'), piece);
      }
    }
  }
  return (path) => leaves.get(path.join('\u0000')) ?? null;
}
