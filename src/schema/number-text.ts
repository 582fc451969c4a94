/** Decimals and floating-point numbers between values and text, without losing a digit. */

import { DECIMAL_PRECISION_MAX } from './structure.ts';

export interface DecimalText {
  readonly unscaled: bigint;
  /** At least 0. */
  readonly scale: number;
}

// Texts that no decimal(38, s) can hold are refused before they become large integers.
const DIGITS_MAX = 2 * DECIMAL_PRECISION_MAX;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** The exact value of a text such as `-12.50` or `1e-3`; null where it is none, or longer than any decimal. */
export function readDecimal(text: string): DecimalText | null {
  const parts = DECIMAL.exec(text);
  if (parts === null) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts;
  const digits = whole + fraction;
  const scale = fraction.length - Number(exponent);
  if (digits === '' || digits.length > DIGITS_MAX || Math.abs(scale) > DIGITS_MAX) return null;
  const magnitude = BigInt(digits) * (scale < 0 ? powerOfTen(-scale) : 1n);
  return { unscaled: sign === '-' ? -magnitude : magnitude, scale: Math.max(scale, 0) };
}

/** The unscaled value at another scale; null where digits would be lost. */
export function rescale(value: DecimalText, scale: number): bigint | null {
  if (scale >= value.scale) return value.unscaled * powerOfTen(scale - value.scale);
  const divisor = powerOfTen(value.scale - scale);
  return value.unscaled % divisor === 0n ? value.unscaled / divisor : null;
}

/** Plain text with exactly `scale` fraction digits; zero has no sign. */
export function printDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** True where a decimal of this precision can hold the unscaled value. */
export function fitsPrecision(unscaled: bigint, precision: number): boolean {
  const bound = powerOfTen(precision);
  return unscaled < bound && unscaled > -bound;
}

/** Ten to the power of `exponent`, at least 0. */
export function powerOfTen(exponent: number): bigint {
  return POWERS_OF_TEN[exponent] ?? 10n ** BigInt(exponent);
}

const POWERS_OF_TEN = Array.from({ length: DIGITS_MAX + 1 }, (_, index) => 10n ** BigInt(index));

/** As Java prints a double or, with `single`, a float: `1.0`, `1.5E10`, `NaN`. What Spark writes for partition values. */
export function printFloating(value: number, single: boolean): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa = '', exponentText = '0'] = shortest(value, single).split('e');
  const exponent = Number(exponentText);
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exponent >= 7 || exponent < -3) {
    return `${sign}${digits.charAt(0)}.${digits.slice(1) || '0'}E${String(exponent)}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** The fewest digits that read back as the same number, in exponent form. */
function shortest(value: number, single: boolean): string {
  if (!single) return value.toExponential();
  for (let digits = 0; digits < 9; digits += 1) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toExponential();
}
