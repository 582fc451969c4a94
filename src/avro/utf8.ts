/** Whether bytes are UTF-8: for short texts, where asking native code costs more than looking. */

/**
 * Whether bytes `start` (inclusive) to `end` (exclusive) are UTF-8 as RFC 3629 has it: no longer forms than needed, no
 * halves of surrogate pairs, nothing above U+10FFFF.
 */
export function isShortUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end;) {
    const lead = bytes[at] ?? 0;
    if (lead < 0x80) {
      at += 1;
      continue;
    }
    const length = lengthBy(lead);
    if (length === 0 || at + length > end) return false;
    const second = bytes[at + 1] ?? 0;
    if (second < secondMin(lead) || second > secondMax(lead)) return false;
    for (let index = 2; index < length; index += 1) {
      if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return false;
    }
    at += length;
  }
  return true;
}

/** Of the character that begins so; 0 where none does. */
function lengthBy(lead: number): number {
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

function secondMin(lead: number): number {
  if (lead === 0xe0) return 0xa0;
  return lead === 0xf0 ? 0x90 : 0x80;
}

function secondMax(lead: number): number {
  if (lead === 0xed) return 0x9f;
  return lead === 0xf4 ? 0x8f : 0xbf;
}
