/** The schema of a footer: a flat list of elements in pre-order (parquet.thrift, `SchemaElement`) made into a tree. */

import { corruptFooter } from './errors.ts';
import { fromConvertedType, readLogicalType } from './logical-type.ts';
import type { FieldType, ThriftReader } from './thrift.ts';
import type { LogicalType, ParquetNode, PhysicalType } from './types.ts';

/** One column of values: a node without children, and where it stands. */
export interface SchemaLeaf {
  readonly path: readonly string[];
  readonly node: ParquetNode;
}

/** By their number in the format. */
export const PHYSICAL_TYPES: readonly PhysicalType[] = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
];
/** By their number in the format. */
export const REPETITIONS: readonly ParquetNode['repetition'][] = [
  'REQUIRED',
  'OPTIONAL',
  'REPEATED',
];
const DEPTH_MAX = 100;

/** Reads `list<SchemaElement>`; returns the children of its root. */
export function readSchema(
  reader: ThriftReader,
  type: FieldType,
  file: string,
): readonly ParquetNode[] {
  const elements: SchemaElement[] = [];
  reader.list(type, (elementType) => elements.push(readElement(reader, elementType)));
  const tree = new TreeBuilder(elements, file);
  return tree.build();
}

export function physicalTypeOf(code: number, file: string): PhysicalType {
  const type = PHYSICAL_TYPES[code];
  if (type === undefined) throw corruptFooter(file, 'a column has an unknown physical type');
  return type;
}

/** The leaves below `columns`, in the order in which row groups list their chunks. */
export function leavesOf(columns: readonly ParquetNode[]): readonly SchemaLeaf[] {
  const leaves: SchemaLeaf[] = [];
  const visit = (node: ParquetNode, parents: readonly string[]): void => {
    const path = [...parents, node.name];
    if (node.physicalType !== null) leaves.push({ path, node });
    for (const child of node.children) visit(child, path);
  };
  for (const column of columns) visit(column, []);
  return leaves;
}

interface SchemaElement {
  readonly physicalType: number | null;
  readonly typeLength: number | null;
  readonly repetition: number;
  readonly name: string;
  readonly childCount: number;
  readonly logicalType: LogicalType | null;
  readonly fieldId: number | null;
}

function readElement(reader: ThriftReader, type: FieldType): SchemaElement {
  let physicalType: number | null = null;
  let typeLength: number | null = null;
  let repetition = 0;
  let name = '';
  let childCount = 0;
  let converted = -1;
  let scale = 0;
  let precision = 0;
  let fieldId: number | null = null;
  let logicalType: LogicalType | null = null;
  reader.nested(type, (id, fieldType) => {
    if (id === 1) physicalType = reader.integer(fieldType);
    else if (id === 2) typeLength = reader.integer(fieldType);
    else if (id === 3) repetition = reader.integer(fieldType);
    else if (id === 4) name = reader.text(fieldType);
    else if (id === 5) childCount = reader.integer(fieldType);
    else if (id === 6) converted = reader.integer(fieldType);
    else if (id === 7) scale = reader.integer(fieldType);
    else if (id === 8) precision = reader.integer(fieldType);
    else if (id === 9) fieldId = reader.integer(fieldType);
    else if (id === 10) logicalType = readLogicalType(reader, fieldType);
    else reader.skip(fieldType);
  });
  logicalType ??= fromConvertedType({ converted, scale, precision });
  return { physicalType, typeLength, repetition, name, childCount, logicalType, fieldId };
}

const GROUP_KINDS: ReadonlySet<LogicalType['kind']> = new Set(['list', 'map', 'variant', 'other']);
const BIT_WIDTHS: ReadonlySet<number> = new Set([8, 16, 32, 64]);

/** Whether the logical type can be that of a group or of values; decoders fail in odd ways on one that cannot, or not at all. */
function isApt({ physicalType, logicalType }: SchemaElement): boolean {
  if (logicalType === null || logicalType.kind === 'other') return true;
  if (logicalType.kind === 'integer' && !BIT_WIDTHS.has(logicalType.bitWidth)) return false;
  return (physicalType === null) === GROUP_KINDS.has(logicalType.kind);
}

class TreeBuilder {
  readonly #elements: readonly SchemaElement[];
  readonly #file: string;
  #next = 0;

  constructor(elements: readonly SchemaElement[], file: string) {
    this.#elements = elements;
    this.#file = file;
  }

  build(): readonly ParquetNode[] {
    const root = this.#take();
    const columns = this.#children(root.childCount, 1);
    if (this.#next !== this.#elements.length) {
      throw corruptFooter(this.#file, 'its schema has elements outside the tree');
    }
    return columns;
  }

  #children(count: number, depth: number): readonly ParquetNode[] {
    if (depth > DEPTH_MAX) throw corruptFooter(this.#file, 'its schema nests too deep');
    const nodes: ParquetNode[] = [];
    for (let index = 0; index < count; index += 1) nodes.push(this.#node(depth));
    return nodes;
  }

  #node(depth: number): ParquetNode {
    const element = this.#take();
    const repetition = REPETITIONS[element.repetition];
    if (repetition === undefined) {
      throw corruptFooter(this.#file, 'a column has an unknown repetition');
    }
    const { physicalType, childCount } = element;
    if (physicalType !== null && childCount !== 0) {
      throw corruptFooter(this.#file, 'a column has both a type and children');
    }
    if (!isApt(element)) {
      throw corruptFooter(this.#file, 'a column has a logical type that contradicts its structure');
    }
    return {
      name: element.name,
      repetition,
      physicalType: physicalType === null ? null : physicalTypeOf(physicalType, this.#file),
      typeLength: element.typeLength,
      logicalType: element.logicalType,
      fieldId: element.fieldId,
      children: this.#children(childCount, depth + 1),
    };
  }

  #take(): SchemaElement {
    const element = this.#elements[this.#next];
    if (element === undefined) throw corruptFooter(this.#file, 'its schema ends too early');
    this.#next += 1;
    return element;
  }
}
