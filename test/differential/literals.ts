/** Values as literals of Spark's SQL. */

import { type DataType, type RowValue, typeName } from '../../src/schema/index.ts';
import { listOf, memberOf, plainText } from './lines.ts';

/** A name in back quotes. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** An expression of just this value and type. */
export function literalSql(value: RowValue, type: DataType): string {
  if (value === null || value === undefined) return cast('NULL', type);
  switch (type.kind) {
    case 'primitive':
      return primitiveSql(value, type);
    case 'decimal':
      return `${plainText(value)}BD`;
    case 'array':
      return cast(
        `array(${listOf(value)
          .map((item) => literalSql(item, type.element))
          .join(', ')})`,
        type,
      );
    case 'map': {
      const entries = listOf(value).flatMap((entry) => {
        const [key = null, item = null] = listOf(entry);
        return [literalSql(key, type.key), literalSql(item, type.value)];
      });
      return cast(`map(${entries.join(', ')})`, type);
    }
    default: {
      const fields = type.fields.flatMap(({ name, type }) => [
        textSql(name),
        literalSql(memberOf(value, name), type),
      ]);
      return `named_struct(${fields.join(', ')})`;
    }
  }
}

function primitiveSql(value: RowValue, type: Extract<DataType, { kind: 'primitive' }>): string {
  switch (type.name) {
    case 'string':
      return textSql(plainText(value));
    case 'binary':
      return `X'${value instanceof Uint8Array ? Buffer.from(value).toString('hex') : ''}'`;
    case 'long':
      return `${plainText(value)}L`;
    case 'short':
      return `${plainText(value)}S`;
    case 'byte':
      return `${plainText(value)}Y`;
    case 'float':
    case 'double':
      return cast(`'${Object.is(value, -0) ? '-0.0' : plainText(value)}'`, type);
    case 'date':
      return `DATE'${plainText(value)}'`;
    case 'timestamp':
      return `TIMESTAMP'${plainText(value)}'`;
    case 'timestamp_ntz':
      return `TIMESTAMP_NTZ'${plainText(value)}'`;
    default:
      return plainText(value);
  }
}

function cast(sql: string, type: DataType): string {
  return `CAST(${sql} AS ${typeName(type)})`;
}

function textSql(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const escaped = text.replace(/[\\'\u0000-\u001F]/g, (character) =>
    character === '\\' || character === "'"
      ? `\\${character}`
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `'${escaped}'`;
}
