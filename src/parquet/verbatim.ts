/**
 * Whether the bytes of a file may enter a table as they are. Getting this wrong makes wrong answers in some engine
 * without any error, so only what was tried in several of them passes; all else is decoded.
 */

import { present } from '../base/index.ts';
import type { ArrayType, DataType, MapType, StructField, StructType } from '../schema/index.ts';
import { calendarReasons, orderReasons, partitionReasons } from './file-rules.ts';
import { leafFit } from './leaf-fit.ts';
import { isStruct, listShape, mapShape } from './nesting.ts';
import { leavesOf } from './schema-tree.ts';
import type { ColumnChunk, ParquetFooter, ParquetNode, VerbatimVerdict } from './types.ts';

export interface VerbatimOptions {
  /** Columns of the schema that files of the table do not hold; one in the file must have one value. Default: none. */
  readonly partitionColumns?: readonly string[];
  /**
   * The table is also read by position, through a symlink manifest: the file's columns must be the table's first ones,
   * in its order. Default false.
   */
  readonly columnsInOrder?: boolean;
  /** Whether INT96 timestamps, which some readers cannot take before 1677, pass as they are. Default false. */
  readonly allowInt96?: boolean;
}

/**
 * The verdict on a file for a table of this schema. Codes of `reject`: `INPUT_MISSING_COLUMN` for a NOT NULL column that
 * the file lacks, `INPUT_TYPE_MISMATCH` for values that the column cannot hold, `INPUT_UNREADABLE` for a codec or an
 * encoding that nothing here decodes, `PARQUET_ENCRYPTED`. A nullable column that the file lacks is fine.
 */
export function judgeVerbatim(
  footer: ParquetFooter,
  schema: StructType,
  options: VerbatimOptions = {},
): VerbatimVerdict {
  return new Judge(footer, options).judge(schema);
}

type Rejection = Extract<VerbatimVerdict, { kind: 'reject' }>;

const CODECS_VERBATIM: ReadonlySet<string> = new Set(['uncompressed', 'snappy', 'gzip', 'zstd']);
const CODECS_READABLE: ReadonlySet<string> = new Set(['brotli', 'lz4', 'lz4_raw']);
const ENCODINGS_VERBATIM: ReadonlySet<string> = new Set([
  'PLAIN',
  'PLAIN_DICTIONARY',
  'RLE_DICTIONARY',
  'RLE',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
]);
const ENCODINGS_READABLE: ReadonlySet<string> = new Set(['BIT_PACKED', 'BYTE_STREAM_SPLIT']);

class Judge {
  readonly #footer: ParquetFooter;
  readonly #options: VerbatimOptions;
  readonly #positions: ReadonlyMap<ParquetNode, number>;
  readonly #reasons: string[] = [];
  #rejection: Rejection | null = null;

  constructor(footer: ParquetFooter, options: VerbatimOptions) {
    this.#footer = footer;
    this.#options = options;
    this.#positions = new Map(leavesOf(footer.columns).map(({ node }, index) => [node, index]));
  }

  judge(schema: StructType): VerbatimVerdict {
    const isPartition = new Set(this.#options.partitionColumns);
    const partition = schema.fields.filter(({ name }) => isPartition.has(name));
    const own = schema.fields.filter(({ name }) => !isPartition.has(name));
    this.#judgeFields(schema, this.#footer.columns, '');
    if (this.#footer.rowCount > 0) {
      this.#reasons.push(...partitionReasons(this.#footer, partition));
      this.#reasons.push(...calendarReasons(this.#footer, schema));
    }
    if (this.#options.columnsInOrder === true) {
      const names = own.map(({ name }) => name);
      this.#reasons.push(...orderReasons(this.#footer, names));
    }
    if (this.#rejection !== null) return this.#rejection;
    if (this.#reasons.length > 0) return { kind: 'decode', reasons: [...new Set(this.#reasons)] };
    return { kind: 'verbatim' };
  }

  #judgeFields(struct: StructType, nodes: readonly ParquetNode[], prefix: string): void {
    const folded = new Set(nodes.map(({ name }) => name.toLowerCase()));
    if (folded.size < nodes.length) {
      this.#reasons.push(`${prefix === '' ? 'columns' : prefix} differ only by case`);
    }
    for (const field of struct.fields) {
      const column = prefix + field.name;
      const node = this.#find(nodes, field.name, column);
      if (node !== null) this.#judgeMember(field, node, column);
      else if (!field.nullable) {
        this.#reject('INPUT_MISSING_COLUMN', column, 'the file lacks it, and it is NOT NULL');
      }
    }
  }

  /** Engines differ on names that are equal but for case: some read nulls, silently. */
  #find(nodes: readonly ParquetNode[], name: string, column: string): ParquetNode | null {
    const exact = nodes.filter((node) => node.name === name);
    const found =
      exact.length > 0
        ? exact
        : nodes.filter((node) => node.name.toLowerCase() === name.toLowerCase());
    if (found.length > 1) {
      this.#reject('INPUT_TYPE_MISMATCH', column, 'the file has several columns of this name');
    } else if (found.length === 1 && exact.length === 0) {
      this.#decode(column, 'the file spells it with other case');
    }
    return found[0] ?? null;
  }

  #judgeMember(field: StructField, node: ParquetNode, column: string): void {
    if (node.repetition === 'REPEATED' && field.type.kind !== 'array') {
      this.#mismatch(column, node, 'one value');
    } else this.#judgeField(field, node, column);
  }

  #judgeField({ type, nullable }: StructField, node: ParquetNode, column: string): void {
    this.#judgeType(type, node, column);
    if (!nullable && !this.#neverNull(node)) {
      this.#decode(
        column,
        'it is NOT NULL, and the footer does not prove that no value is missing',
      );
    }
  }

  #judgeType(type: DataType, node: ParquetNode, column: string): void {
    if (type.kind === 'struct') this.#judgeStruct(type, node, column);
    else if (type.kind === 'array') this.#judgeList(type, node, column);
    else if (type.kind === 'map') this.#judgeMap(type, node, column);
    else {
      const fit = leafFit(node, type);
      if (fit.kind === 'reject') this.#reject('INPUT_TYPE_MISMATCH', column, fit.reason);
      const isAllowed = node.physicalType === 'INT96' && this.#options.allowInt96 === true;
      if (fit.kind === 'decode' && !isAllowed) this.#decode(column, fit.reason);
      if (node.physicalType !== null) this.#judgeChunks(node, column);
    }
  }

  #judgeList(type: ArrayType, node: ParquetNode, column: string): void {
    const shape = listShape(node);
    if (shape === null) this.#mismatch(column, node, 'an array');
    else {
      if (!shape.standard) this.#decode(column, 'its list has an old layout');
      const element = { name: 'element', type: type.element, nullable: type.containsNull };
      this.#judgeField({ ...element, metadata: {} }, shape.element, `${column}.element`);
    }
  }

  #judgeMap(type: MapType, node: ParquetNode, column: string): void {
    const shape = mapShape(node);
    if (shape === null) this.#mismatch(column, node, 'a map');
    else {
      if (!shape.standard) this.#decode(column, 'its map has an old layout');
      this.#judgeType(type.key, shape.key, `${column}.key`);
      const value = { name: 'value', type: type.value, nullable: type.valueContainsNull };
      this.#judgeField({ ...value, metadata: {} }, shape.value, `${column}.value`);
    }
  }

  #judgeStruct(type: StructType, node: ParquetNode, column: string): void {
    if (!isStruct(node)) this.#mismatch(column, node, 'a struct');
    else {
      // Without any member, readers cannot tell a struct of nulls from a null.
      const names = new Set(node.children.map(({ name }) => name));
      if (!type.fields.some(({ name }) => names.has(name))) {
        this.#decode(column, 'the file has none of its fields');
      }
      this.#judgeFields(type, node.children, `${column}.`);
    }
  }

  #judgeChunks(node: ParquetNode, column: string): void {
    for (const chunk of this.#chunksOf(node)) {
      const { codec, encodings } = chunk;
      if (chunk.encrypted) this.#reject('PARQUET_ENCRYPTED', column, 'it is encrypted');
      else if (CODECS_READABLE.has(codec)) this.#decode(column, `its codec is ${codec}`);
      else if (!CODECS_VERBATIM.has(codec)) {
        this.#reject('INPUT_UNREADABLE', column, `its codec is ${codec}`);
      }
      for (const encoding of encodings) this.#judgeEncoding(encoding, column);
    }
  }

  #judgeEncoding(encoding: string, column: string): void {
    if (ENCODINGS_VERBATIM.has(encoding)) return;
    // Spark's writer names it for levels, in every file of its older versions; it never wrote values with it.
    const levelsOnly = this.#footer.createdBy?.startsWith('parquet-mr') === true;
    if (encoding === 'BIT_PACKED' && levelsOnly) return;
    if (ENCODINGS_READABLE.has(encoding)) this.#decode(column, `its encoding is ${encoding}`);
    else this.#reject('INPUT_UNREADABLE', column, `its encoding is ${encoding}`);
  }

  /** True where the footer proves that no value is missing, whatever holds the node being there. */
  #neverNull(node: ParquetNode): boolean {
    return node.repetition === 'REQUIRED' || this.#footer.rowCount === 0 || this.#noNulls(node);
  }

  /** True where some leaf, which does not repeat below `node`, has no null: then neither has what holds it. */
  #noNulls(node: ParquetNode): boolean {
    if (node.physicalType === null) {
      return node.children.some((child) => child.repetition !== 'REPEATED' && this.#noNulls(child));
    }
    return this.#chunksOf(node).every((chunk) => chunk.statistics?.nullCount === 0n);
  }

  #chunksOf(node: ParquetNode): readonly ColumnChunk[] {
    const position = present(this.#positions.get(node), 'the place of a leaf in its row groups');
    return this.#footer.rowGroups.flatMap(({ columns }) => columns[position] ?? []);
  }

  #decode(column: string, why: string): void {
    this.#reasons.push(`column ${column}: ${why}`);
  }

  #mismatch(column: string, node: ParquetNode, wanted: string): void {
    const found =
      node.physicalType === null ? (node.logicalType?.kind ?? 'group') : 'single values';
    const many = node.repetition === 'REPEATED' ? 'repeated ' : '';
    const why = `the file has ${many}${found} where the table has ${wanted}`;
    this.#reject('INPUT_TYPE_MISMATCH', column, why);
  }

  /** The first one stands. */
  #reject(code: string, column: string, why: string): void {
    this.#rejection ??= { kind: 'reject', code, reason: `column ${column}: ${why}` };
  }
}
