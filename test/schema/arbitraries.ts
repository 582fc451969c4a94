/** Generators that several tests of this room share. */

import * as fc from 'fast-check';

const codePoint = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10_ffff }),
  fc.constantFrom(0x7e, 0x7f, 0x80, 0xffff, 0x1_0000, 0x10_ffff),
);

/** Any text that UTF-8 can hold. */
export function anyText(bounds: fc.ArrayConstraints = {}): fc.Arbitrary<string> {
  return fc.array(codePoint, bounds).map((points) => String.fromCodePoint(...points));
}
