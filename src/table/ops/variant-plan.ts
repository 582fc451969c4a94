/** How the values of a column with variants become those of a column without. */

import { matchField } from '../../engine/index.ts';
import {
  fileSchema,
  listShape,
  mapShape,
  type ParquetFooter,
  type ParquetNode,
} from '../../parquet/index.ts';
import {
  type DataType,
  fromScalar,
  type MappingMode,
  readVariant,
  type RowValue,
  type StructField,
  variantJson,
} from '../../schema/index.ts';
import { variantMalformed } from './errors.ts';
import { variantReader } from './variant-value.ts';
import { holdsVariant, isVariant, typeAs, type VariantForm } from './variant-types.ts';

export interface ColumnPlan {
  readonly type: DataType;
  /** From a value as `readRows` gives it. */
  readonly read: (value: unknown) => RowValue;
}

export interface PlanOptions {
  readonly footer: ParquetFooter;
  readonly mapping: MappingMode;
  readonly form: VariantForm;
}

/**
 * For the node of a file that the table has as `type`: the same with the file's own names and types, but for variants,
 * which get the form asked for. Null for a column of which nothing can be read.
 */
export function planColumn(
  node: ParquetNode,
  type: DataType,
  options: PlanOptions,
): ColumnPlan | null {
  if (isVariant(type)) return planVariant(node, options.form);
  if (!holdsVariant(type)) return planPlain(node, options);
  if (type.kind === 'struct') {
    const members = type.fields.flatMap((field) => {
      const child = matchField(field, node.children, options.mapping);
      const plan = child === null ? null : planColumn(child, field.type, options);
      return child === null || plan === null ? [] : [{ name: child.name, plan }];
    });
    return planStruct(members);
  }
  const list = type.kind === 'array' ? listShape(node) : null;
  if (list !== null && type.kind === 'array') {
    return planList(planColumn(list.element, type.element, options));
  }
  const map = type.kind === 'map' ? mapShape(node) : null;
  if (map === null || type.kind !== 'map') throw variantMalformed(`${node.name} has another shape`);
  const key = planColumn(map.key, type.key, options);
  return planMap(key, planColumn(map.value, type.value, options));
}

function planVariant(node: ParquetNode, form: VariantForm): ColumnPlan {
  const read = variantReader(node);
  return {
    type: typeAs({ kind: 'primitive', name: 'variant' }, form),
    read: (value) => {
      const bytes = read(value);
      if (bytes === null) return null;
      return form === 'json' ? variantJson(readVariant(bytes)) : { ...bytes };
    },
  };
}

/** What holds no variant, as the file has it. */
function planPlain(node: ParquetNode, { footer }: PlanOptions): ColumnPlan | null {
  const [field] = fileSchema({ ...footer, columns: [node] }).schema.fields;
  return field === undefined ? null : planFileType(node, field.type);
}

function planFileType(node: ParquetNode, type: DataType): ColumnPlan | null {
  if (type.kind === 'struct') {
    const members = type.fields.flatMap(({ name, type: member }) => {
      const child = node.children.find((candidate) => candidate.name === name);
      const plan = child === undefined ? null : planFileType(child, member);
      return plan === null ? [] : [{ name, plan }];
    });
    return planStruct(members);
  }
  if (type.kind === 'array') {
    const element = listShape(node)?.element;
    return planList(element === undefined ? null : planFileType(element, type.element));
  }
  if (type.kind === 'map') {
    const shape = mapShape(node);
    if (shape === null) return null;
    return planMap(planFileType(shape.key, type.key), planFileType(shape.value, type.value));
  }
  return { type, read: (value) => plainValue(value, node, type) };
}

function planStruct(
  members: readonly { readonly name: string; readonly plan: ColumnPlan }[],
): ColumnPlan {
  const fields = members.map(({ name, plan }): StructField => {
    return { name, type: plan.type, nullable: true, metadata: {} };
  });
  return {
    type: { kind: 'struct', fields },
    read: (value) => {
      if (!isRecord(value)) return null;
      return Object.fromEntries(members.map(({ name, plan }) => [name, plan.read(value[name])]));
    },
  };
}

function planList(element: ColumnPlan | null): ColumnPlan | null {
  if (element === null) return null;
  return {
    type: { kind: 'array', element: element.type, containsNull: true },
    read: (value) => (Array.isArray(value) ? value.map(element.read) : null),
  };
}

/** Maps come as objects where their keys are texts, else as pairs. */
function planMap(key: ColumnPlan | null, value: ColumnPlan | null): ColumnPlan | null {
  if (key === null || value === null) return null;
  const pair = ([k, v]: readonly unknown[]): RowValue => [key.read(k), value.read(v)];
  return {
    type: { kind: 'map', key: key.type, value: value.type, valueContainsNull: true },
    read: (map) => {
      if (Array.isArray(map)) return map.map((entry) => pair(Array.isArray(entry) ? entry : []));
      return isRecord(map) ? Object.entries(map).map(pair) : null;
    },
  };
}

function plainValue(value: unknown, node: ParquetNode, type: DataType): RowValue {
  if (typeof value === 'bigint' && type.kind === 'primitive' && type.name.startsWith('timestamp')) {
    return fromScalar(microsOf(value, node), type);
  }
  if (typeof value === 'number' || typeof value === 'bigint') return fromScalar(value, type);
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  return value instanceof Uint8Array ? value : null;
}

function microsOf(value: bigint, { logicalType, physicalType }: ParquetNode): bigint {
  const unit = logicalType?.kind === 'timestamp' ? logicalType.unit : 'us';
  if (unit === 'ms') return value * 1000n;
  if (unit === 'us' && physicalType !== 'INT96') return value;
  return (value - (((value % 1000n) + 1000n) % 1000n)) / 1000n;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
