/**
 * Z85: five characters for four bytes, the most significant first. PROTOCOL.md, "Deletion Vectors"; ZeroMQ RFC 32.
 *
 *     group = c₀·85⁴ + c₁·85³ + c₂·85² + c₃·85 + c₄, below 2³²
 */

const ALPHABET =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

const DIGITS: ReadonlyMap<string, number> = new Map(
  Array.from(ALPHABET, (character, digit) => [character, digit]),
);

/**
 * The bytes of a text, or null where it is none. One writer pads a last group of fewer bytes with a `#` for each byte
 * that is missing, before the digits of the others; no whole group starts with it.
 */
export function decodeZ85(text: string): Uint8Array | null {
  if (text.length % 5 !== 0) return null;
  const padding = /#{0,3}/.exec(text.slice(-5))?.[0].length ?? 0;
  const bytes = new Uint8Array((text.length / 5) * 4 - padding);
  let end = 0;
  for (let start = 0; start < text.length; start += 5) {
    const missing = start + 5 === text.length ? padding : 0;
    const count = 4 - missing;
    let value = 0;
    for (let index = start + missing; index < start + 5; index += 1) {
      const digit = DIGITS.get(text[index] ?? '');
      if (digit === undefined) return null;
      value = value * 85 + digit;
    }
    if (value >= 2 ** (8 * count)) return null;
    for (let shift = count - 1; shift >= 0; shift -= 1) {
      bytes[end] = Math.floor(value / 2 ** (8 * shift)) % 256;
      end += 1;
    }
  }
  return bytes;
}

/** The text of some bytes, filled up with zeros to whole groups of four. */
export function encodeZ85(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4) {
    let value = 0;
    for (let index = start; index < start + 4; index += 1)
      value = value * 256 + (bytes[index] ?? 0);
    let group = '';
    for (let digit = 0; digit < 5; digit += 1) {
      group = ALPHABET.charAt(value % 85) + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}
