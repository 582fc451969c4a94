/** Row groups made of Arrow data, for all types that Delta has. */

import type { Data, RecordBatch, Table } from 'apache-arrow';

import type { ArrowModule } from './arrow-schema.ts';
import { ChunkEncoder, type Leaf } from './chunk-encoder.ts';
import { unencodable } from './errors.ts';
import { type ColumnPlan, hasWholeDictionaries, leafPieces, planColumn } from './leaf-values.ts';
import type { Codec, ColumnChunk, ParquetNode, RowGroup } from './types.ts';

/** The pages of a row group, were they the first bytes of the file. */
export interface EncodedRowGroup {
  readonly columns: readonly ParquetNode[];
  /** Null where there are no rows. */
  readonly rowGroup: RowGroup | null;
  readonly parts: readonly Uint8Array[];
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
}

function columnOf({ data }: RecordBatch, index: number): Data {
  const column = data.children[index];
  if (column === undefined) throw unencodable(new Error('a batch lacks a column of its schema'));
  return column;
}

/** The leaves of a column, with the levels that their entries have. */
function leavesBelow(column: ParquetNode): readonly Leaf[] {
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
