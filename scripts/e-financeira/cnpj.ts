/** Numbers of Brazil's register of companies: eight digits of the company, four of the branch, two that check them. */

const FIRST_WEIGHTS = [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
const SECOND_WEIGHTS = [6, ...FIRST_WEIGHTS];

/** The head office of the company with this number, from 0 to 99,999,999: fourteen digits, without punctuation. */
export function headOffice(company: number): string {
  const digits = `${String(company).padStart(8, '0')}0001`;
  const first = checkDigit(digits, FIRST_WEIGHTS);
  return `${digits}${first}${checkDigit(digits + first, SECOND_WEIGHTS)}`;
}

/** True for fourteen digits of which the last two check the others. */
export function isCnpj(text: string): boolean {
  if (!/^\d{14}$/.test(text)) return false;
  return (
    checkDigit(text.slice(0, 12), FIRST_WEIGHTS) === text.charAt(12) &&
    checkDigit(text.slice(0, 13), SECOND_WEIGHTS) === text.charAt(13)
  );
}

function checkDigit(digits: string, weights: readonly number[]): string {
  const sum = weights.reduce((total, weight, index) => total + weight * Number(digits[index]), 0);
  const rest = sum % 11;
  return String(rest < 2 ? 0 : 11 - rest);
}
