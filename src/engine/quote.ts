/** Text that becomes SQL, safely: the only ways in for names and values. */

/** A name in double quotes: column, alias or struct field, exactly as spelt. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string in single quotes. DuckDB knows no escapes in it but the doubled quote. */
export function literal(value: string): string {
  if (!value.includes('\0')) return `'${value.replaceAll("'", "''")}'`;
  // A NUL would end the statement: spelt by code point instead.
  const parts = value.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  return `(${parts.join(' || chr(0) || ')})`;
}

/** Bytes as a BLOB. */
export function blobLiteral(bytes: Uint8Array): string {
  return `unhex('${Buffer.from(bytes).toString('hex')}')`;
}

/** A list of strings. */
export function literalList(values: readonly string[]): string {
  return `[${values.map(literal).join(', ')}]`;
}

/** Files for a scan, by their paths letter by letter: a `*`, `?` or `[` in one would else stand for other files too. */
export function fileList(paths: readonly string[]): string {
  return literalList(paths.map((path) => path.replaceAll(/[*?[]/g, '[$&]')));
}
