/** Durations as table properties spell them: `interval 1 week`, `30 days 12 hours`. */

const UNIT_MS: Readonly<Record<string, number>> = {
  microsecond: 0.001,
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
};

/** Milliseconds, or null where the text is no duration; months and years have no fixed length and are none. */
export function parseInterval(text: string): number | null {
  const words = text.trim().toLowerCase().split(/\s+/);
  if (words[0] === 'interval') words.shift();
  if (words.length === 0 || words.length % 2 === 1) return null;
  let totalMs = 0;
  for (let index = 0; index < words.length; index += 2) {
    const count = words[index] ?? '';
    const unitMs = UNIT_MS[(words[index + 1] ?? '').replace(/s$/, '')];
    if (!/^\d+$/.test(count) || unitMs === undefined) return null;
    totalMs += Number(count) * unitMs;
  }
  return totalMs;
}
