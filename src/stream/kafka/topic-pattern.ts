/** Patterns for the names of topics. */

/** The same pattern for whole names, without state between calls. */
export function wholeName(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''));
}
