/**
 * Lists and maps in a schema tree: the standard shapes, and the older ones that the format's backward-compatibility
 * rules tell how to read (LogicalTypes.md, "Lists", "Maps").
 */

import type { ParquetNode } from './types.ts';

export interface ListShape {
  /** In old layouts it may be the repeated node itself. */
  readonly element: ParquetNode;
  /** Three levels with the usual names, which every reader was seen to read. */
  readonly standard: boolean;
}

/** The element of a list; null where the node is none. */
export function listShape(node: ParquetNode): ListShape | null {
  // A field that repeats by itself is a list of what it is.
  if (node.repetition === 'REPEATED' && node.logicalType?.kind !== 'list') {
    return { element: node, standard: false };
  }
  const [repeated] = node.children;
  if (node.logicalType?.kind !== 'list' || repeated === undefined) return null;
  if (node.children.length !== 1 || repeated.repetition !== 'REPEATED') return null;
  const [element] = repeated.children;
  const isElement =
    element === undefined ||
    repeated.children.length > 1 ||
    repeated.name === 'array' ||
    repeated.name === `${node.name}_tuple`;
  if (isElement) return { element: repeated, standard: false };
  const usualNames =
    repeated.name === 'list' && (element.name === 'element' || element.name === 'item');
  return { element, standard: usualNames && element.repetition !== 'REPEATED' };
}

export interface MapShape {
  readonly key: ParquetNode;
  readonly value: ParquetNode;
  readonly standard: boolean;
}

/** Key and value of a map; null where the node is none. */
export function mapShape(node: ParquetNode): MapShape | null {
  const [entries] = node.children;
  if (node.logicalType?.kind !== 'map' || node.children.length !== 1) return null;
  if (entries?.repetition !== 'REPEATED' || entries.children.length !== 2) return null;
  const [key, value] = entries.children;
  if (key === undefined || value === undefined) return null;
  const usualNames = entries.name === 'key_value' && key.name === 'key' && value.name === 'value';
  return { key, value, standard: usualNames && key.repetition === 'REQUIRED' };
}

/** True for a group that has no meaning but its members. */
export function isStruct(node: ParquetNode): boolean {
  return node.physicalType === null && node.logicalType === null;
}

/** The same tree with the names that the format gives to the levels of lists and maps, where they have three. */
export function withStandardNames(node: ParquetNode): ParquetNode {
  const children = node.children.map(withStandardNames);
  const [repeated] = children;
  if (repeated?.repetition !== 'REPEATED') return { ...node, children };
  const kind = node.logicalType?.kind;
  if (kind === 'map' && mapShape(node) !== null) {
    return { ...node, children: [renamed(repeated, 'key_value', ['key', 'value'])] };
  }
  if (kind === 'list' && repeated.children.length === 1) {
    return { ...node, children: [renamed(repeated, 'list', ['element'])] };
  }
  return { ...node, children };
}

function renamed(node: ParquetNode, name: string, childNames: readonly string[]): ParquetNode {
  const children = node.children.map((child, index) => ({
    ...child,
    name: childNames[index] ?? child.name,
  }));
  return { ...node, name, children };
}
