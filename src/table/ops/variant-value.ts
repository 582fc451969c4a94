/**
 * One variant from the columns of a Parquet file, shredded or not. Parquet, "Variant Shredding": what has the type of
 * `typed_value` is there, everything else in `value`; of an object some fields may be in one and some in the other.
 */

import type { ParquetNode } from '../../parquet/index.ts';
import {
  encodeVariant,
  readVariant,
  scalarNode,
  type VariantBytes,
  type VariantNode,
  type VariantScalar,
} from '../../schema/index.ts';
import { variantMalformed } from './errors.ts';

/** A reader of the values of the group `node`, as `readRows` gives them, each null or a variant's bytes. */
export function variantReader(node: ParquetNode): (value: unknown) => VariantBytes | null {
  const isShredded = node.children.some(({ name }) => name === 'typed_value');
  return (value) => {
    if (value === null || value === undefined) return null;
    const metadata = bytesOf(member(value, 'metadata'));
    if (metadata === null) throw variantMalformed('it has no metadata');
    if (isShredded) return encodeVariant(present(assembled(value, node, metadata)));
    const bytes = bytesOf(member(value, 'value'));
    if (bytes === null) throw variantMalformed('it has no value');
    return { metadata, value: bytes };
  };
}

/** The value of a group of `value` and `typed_value`; null where both are missing. */
function assembled(group: unknown, node: ParquetNode, metadata: Uint8Array): VariantNode | null {
  const typedNode = node.children.find(({ name }) => name === 'typed_value');
  const typed = typedNode === undefined ? null : (member(group, 'typed_value') ?? null);
  const bytes = bytesOf(member(group, 'value'));
  const rest = bytes === null ? null : readVariant({ metadata, value: bytes });
  if (typedNode === undefined || typed === null) return rest;
  if (typedNode.physicalType !== null) return scalarNode(scalarOf(typed, typedNode));
  if (typedNode.logicalType?.kind === 'list') return arrayOf(typed, typedNode, metadata);
  return objectOf(typed, typedNode, { rest, metadata });
}

function arrayOf(typed: unknown, node: ParquetNode, metadata: Uint8Array): VariantNode {
  const element = node.children[0]?.children[0];
  if (!Array.isArray(typed) || element === undefined) throw variantMalformed('it has an odd list');
  const items: readonly unknown[] = typed;
  return { kind: 'array', items: items.map((item) => present(assembled(item, element, metadata))) };
}

function objectOf(
  typed: unknown,
  node: ParquetNode,
  { rest, metadata }: { readonly rest: VariantNode | null; readonly metadata: Uint8Array },
): VariantNode {
  const fields = node.children.flatMap((child) => {
    const value = assembled(member(typed, child.name), child, metadata);
    return value === null ? [] : [{ name: child.name, value }];
  });
  if (rest === null) return { kind: 'object', fields };
  if (rest.kind !== 'object') throw variantMalformed('it is an object and something else');
  const shredded = new Set(node.children.map(({ name }) => name));
  if (rest.fields.some(({ name }) => shredded.has(name))) {
    throw variantMalformed('it has a field twice');
  }
  return { kind: 'object', fields: [...fields, ...rest.fields] };
}

function scalarOf(value: unknown, node: ParquetNode): VariantScalar {
  const { physicalType, logicalType } = node;
  if (typeof value === 'boolean') return { kind: 'boolean', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if (value instanceof Uint8Array) {
    return { kind: logicalType?.kind === 'uuid' ? 'uuid' : 'binary', value };
  }
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw variantMalformed('it has a value of an odd type');
  }
  switch (logicalType?.kind) {
    case 'decimal':
      return { kind: 'decimal', unscaled: BigInt(value), scale: logicalType.scale };
    case 'date':
      return { kind: 'date', value: Number(value) };
    case 'timestamp':
      return {
        kind: logicalType.adjustedToUtc ? 'timestamp' : 'timestampNtz',
        value: BigInt(value) * (logicalType.unit === 'ms' ? 1000n : 1n),
        nanos: logicalType.unit === 'ns',
      };
    case 'integer':
    case undefined:
      if (physicalType === 'FLOAT') return { kind: 'float', value: Number(value) };
      if (physicalType === 'DOUBLE') return { kind: 'double', value: Number(value) };
      return { kind: 'integer', value: BigInt(value) };
    default:
      throw variantMalformed(`it has a value of the type ${logicalType?.kind ?? ''}`);
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : null;
}

function bytesOf(value: unknown): Uint8Array | null {
  return value instanceof Uint8Array ? value : null;
}

function present(node: VariantNode | null): VariantNode {
  if (node === null) throw variantMalformed('a value is missing where one must be');
  return node;
}
