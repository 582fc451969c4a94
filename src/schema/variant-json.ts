/** Variants as JSON, as Spark's `to_json` prints them. */

import { compareText } from './compare.ts';
import type { VariantNode } from './variant.ts';
import { scalarJson } from './variant-scalar.ts';

/** The JSON text of a variant, without spaces, fields in the order of their names. Times are in UTC. */
export function variantJson(node: VariantNode): string {
  switch (node.kind) {
    case 'scalar':
      return scalarJson(node.bytes);
    case 'array':
      return `[${node.items.map(variantJson).join(',')}]`;
    case 'object': {
      const fields = node.fields.toSorted((left, right) => compareText(left.name, right.name));
      const members = fields.map(
        ({ name, value }) => `${JSON.stringify(name)}:${variantJson(value)}`,
      );
      return `{${members.join(',')}}`;
    }
    default:
      return node satisfies never;
  }
}
