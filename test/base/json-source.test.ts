import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { JsonSource } from '../../src/base/index.ts';

function check(source: JsonSource, value: unknown): void {
  expect(JSON.parse(source.text)).toEqual(value);
  if (Array.isArray(value)) {
    expect(source.items()).toHaveLength(value.length);
    for (const [index, item] of source.items().entries()) check(item, value[index]);
  } else if (typeof value === 'object' && value !== null) {
    const members = source.members();
    expect([...members.keys()].toSorted()).toEqual(Object.keys(value).toSorted());
    for (const [name, member] of Object.entries(value)) {
      const own = members.get(name);
      if (own === undefined) throw new Error(`no member ${name}`);
      check(own, member);
    }
  }
}

test('every value within a JSON text is found, however it is set', () => {
  const indents = fc.constantFrom('', ' ', '\t');
  fc.assert(
    fc.property(fc.jsonValue(), indents, indents, (value, indent, around) => {
      const text = `${around}${JSON.stringify(value, null, indent)}${around}`;
      const source = new JsonSource(text);
      expect(source.text).toBe(text.trim());
      check(source, JSON.parse(text));
    }),
  );
});
