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

/** A duration as every engine reads it. */
const COMMON = /^interval \d+ [a-z]+$/;

/**
 * The duration with the word `interval`, one number and one unit, where it is not so already: there are engines that take anything
 * else for none, and delete after the time that they think right. Null where the text is no duration.
 */
export function commonInterval(text: string): string | null {
  const totalMs = parseInterval(text);
  if (totalMs === null) return null;
  if (COMMON.test(text)) return text;
  const micros = Math.round(totalMs * 1_000);
  const units = Object.entries(UNIT_MS).toReversed();
  const whole = units.find(([, unitMs]) => micros % (unitMs * 1_000) === 0);
  const [unit, unitMs] = whole ?? ['microsecond', 0.001];
  return `interval ${micros / (unitMs * 1_000)} ${unit}s`;
}
