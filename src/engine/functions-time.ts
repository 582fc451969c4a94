/** Functions of dates and timestamps, in UTC. Those that read a clock are refused: a table's expressions must not. */

import {
  type DataType,
  DATE,
  INTEGER,
  LONG,
  STRING,
  TIMESTAMP,
  TIMESTAMP_NTZ,
} from '../schema/index.ts';
import { castTo, floorDivided } from './casts.ts';
import { Call, type FunctionTable } from './function-call.ts';
import { timestampText } from './number-text.ts';
import { literal } from './quote.ts';
import { is, isIntegral } from './type-rules.ts';
import { constant, fallible, type Typed, typed } from './typed.ts';

const MICROS_PER_SECOND = 1_000_000;

/** The wall clock in UTC, as DuckDB's TIMESTAMP. */
function wall(call: Call, index: number): Typed {
  const arg = call.at(index);
  return is(arg.type, 'timestamp_ntz')
    ? arg
    : castTo(call.as(index, TIMESTAMP), TIMESTAMP_NTZ, call.binder);
}

function datePart(part: string, shift = 0): (call: Call) => Typed {
  return (call) => {
    const date = call.count(1).as(0, DATE);
    const offset = shift === 0 ? '' : ` + ${String(shift)}`;
    return typed(`CAST(${part}(${date.sql})${offset} AS INTEGER)`, INTEGER, date);
  };
}

function clockPart(part: string): (call: Call) => Typed {
  return (call) => {
    const time = wall(call.count(1), 0);
    return typed(`CAST(${part}(${time.sql}) AS INTEGER)`, INTEGER, time);
  };
}

const UNITS: Readonly<Record<string, string>> = {
  year: 'year',
  yyyy: 'year',
  yy: 'year',
  quarter: 'quarter',
  month: 'month',
  mon: 'month',
  mm: 'month',
  week: 'week',
  day: 'day',
  dd: 'day',
  hour: 'hour',
  minute: 'minute',
  second: 'second',
  millisecond: 'millisecond',
  microsecond: 'microsecond',
};
const DATE_UNITS = new Set(['year', 'quarter', 'month', 'week']);

function dateTrunc(call: Call): Typed {
  const unit = UNITS[call.count(2).literalText(0)?.toLowerCase() ?? ''];
  const time = wall(call, 1);
  if (unit === undefined) throw call.refused('this unit');
  return castTo(
    typed(`CAST(date_trunc('${unit}', ${time.sql}) AS TIMESTAMP)`, TIMESTAMP_NTZ, time),
    TIMESTAMP,
    call.binder,
  );
}

function trunc(call: Call): Typed {
  const date = call.count(2).as(0, DATE);
  const unit = UNITS[call.literalText(1)?.toLowerCase() ?? ''] ?? '';
  if (!DATE_UNITS.has(unit)) throw call.refused('this unit');
  return typed(`CAST(date_trunc('${unit}', ${date.sql}) AS DATE)`, DATE, date);
}

function dayShift(sign: '+' | '-'): (call: Call) => Typed {
  return (call) => {
    const [date, days] = [call.count(2).as(0, DATE), call.as(1, INTEGER)];
    return fallible(`(${date.sql} ${sign} ${days.sql})`, DATE);
  };
}

function dateDiff(call: Call): Typed {
  const [end, start] = [call.count(2).as(0, DATE), call.as(1, DATE)];
  return typed(`CAST(${end.sql} - ${start.sql} AS INTEGER)`, INTEGER, end, start);
}

function addMonths(call: Call): Typed {
  const [date, months] = [call.count(2).as(0, DATE), call.as(1, INTEGER)];
  return fallible(`CAST(${date.sql} + to_months(${months.sql}) AS DATE)`, DATE);
}

function converted(type: DataType, lenient = false): (call: Call) => Typed {
  return (call) => {
    if (call.count(1, 2).args.length === 2) return parsed(call, type);
    return castTo(call.at(0), type, call.binder, { lenient });
  };
}

/** A fixed-width pattern as a regular expression, and where each field stands in it. */
interface Pattern {
  readonly regex: string;
  readonly fields: readonly string[];
}

const FIELD_WIDTHS: Readonly<Record<string, number>> = {
  yyyy: 4,
  MM: 2,
  dd: 2,
  HH: 2,
  mm: 2,
  ss: 2,
};

function readPattern(call: Call, text: string): Pattern {
  let regex = '';
  const fields: string[] = [];
  for (const [token] of text.matchAll(/([A-Za-z])\1*|'(?:[^']|'')*'|[^A-Za-z']/g)) {
    const fraction = /^S{1,9}$/.test(token);
    const width = fraction ? token.length : FIELD_WIDTHS[token];
    if (width !== undefined) {
      regex += `([0-9]{${String(width)}})`;
      fields.push(fraction ? 'S' : token);
    } else if (/^[A-Za-z[\]{}#]/.test(token)) {
      throw call.refused(`the pattern letter ${token}`);
    } else {
      const plain = token.startsWith("'") ? token.slice(1, -1).replaceAll("''", "'") || "'" : token;
      regex += plain.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    }
  }
  return { regex, fields };
}

function parsed(call: Call, type: DataType): Typed {
  if (!is(call.at(0).type, 'string', 'void')) return castTo(call.at(0), type, call.binder);
  const text = call.text(0);
  const format = call.literalText(1);
  if (format === null) throw call.refused('a null pattern');
  const { regex, fields } = readPattern(call, format);
  const sql = call.binder.bind(text.sql, (t) => {
    const part = (field: string, absent: string): string => {
      const index = fields.indexOf(field);
      if (index < 0) return `'${absent}'`;
      return `regexp_extract(${t}, ${literal(`^${regex}$`)}, ${String(index + 1)})`;
    };
    const stamp =
      `${part('yyyy', '1970')} || '-' || ${part('MM', '01')} || '-' || ${part('dd', '01')} || ' ' || ` +
      `${part('HH', '00')} || ':' || ${part('mm', '00')} || ':' || ${part('ss', '00')} || '.' || rpad(${part('S', '0')}, 6, '0')`;
    return (
      `CASE WHEN ${t} IS NULL THEN NULL WHEN regexp_full_match(${t}, ${literal(regex)}) THEN CAST(${stamp} AS TIMESTAMP) ` +
      `ELSE error('CANNOT_PARSE_TIMESTAMP: the text does not have the pattern') END`
    );
  });
  return castTo(fallible(sql, TIMESTAMP_NTZ), type, call.binder);
}

const FORMAT_FIELDS: Readonly<Record<string, string>> = {
  yyyy: '%Y',
  MM: '%m',
  dd: '%d',
  HH: '%H',
  mm: '%M',
  ss: '%S',
  SSS: '%g',
  SSSSSS: '%f',
};

function formatted(call: Call): Typed {
  const time = wall(call.count(2), 0);
  const format = call.literalText(1);
  if (format === null) throw call.refused('a null pattern');
  let native = '';
  for (const [token] of format.matchAll(/([A-Za-z])\1*|'(?:[^']|'')*'|[^A-Za-z']/g)) {
    const field = FORMAT_FIELDS[token];
    if (field !== undefined) native += field;
    else if (/^[A-Za-z[\]{}#]/.test(token)) throw call.refused(`the pattern letter ${token}`);
    else if (token.startsWith("'")) native += token.slice(1, -1).replaceAll("''", "'") || "'";
    else native += token === '%' ? '%%' : token;
  }
  return typed(`strftime(${time.sql}, ${literal(native)})`, STRING, time);
}

function epoch(unitMicros: number): (call: Call) => Typed {
  return (call) => {
    const time = call.count(1).as(0, TIMESTAMP);
    return typed(floorDivided(`epoch_us(${time.sql})`, unitMicros), LONG, time);
  };
}

function unixTimestamp(call: Call): Typed {
  if (call.args.length === 0) throw call.refused('no argument, which reads the clock');
  const arg = call.count(1, 2).at(0);
  const time = is(arg.type, 'string')
    ? call.args.length === 2
      ? parsed(call, TIMESTAMP)
      : parsed(withDefaultPattern(call), TIMESTAMP)
    : call.as(0, TIMESTAMP);
  return typed(`(epoch_us(${time.sql}) // ${String(MICROS_PER_SECOND)})`, LONG, time);
}

function withDefaultPattern(call: Call): Call {
  return new Call(call.name, [...call.args, constant('yyyy-MM-dd HH:mm:ss', STRING)], call.binder);
}

function fromEpoch(unitMicros: number): (call: Call) => Typed {
  return (call) => {
    const arg = call.count(1).at(0);
    if (!isIntegral(arg.type) && !is(arg.type, 'void')) throw call.mismatch();
    const value = castTo(arg, LONG, call.binder);
    return fallible(`make_timestamptz(${value.sql} * ${String(unitMicros)})`, TIMESTAMP);
  };
}

function fromUnixTime(call: Call): Typed {
  const seconds = call.count(1).as(0, LONG);
  const time = `make_timestamptz(${seconds.sql} * ${String(MICROS_PER_SECOND)})`;
  return fallible(timestampText(time, call.binder), STRING);
}

function makeDate(call: Call): Typed {
  const parts = call.count(3).args.map((_, index) => call.as(index, INTEGER).sql);
  return fallible(`make_date(${parts.join(', ')})`, DATE);
}

export const FUNCTIONS_OF_TIME: FunctionTable = {
  add_months: addMonths,
  date: converted(DATE),
  date_add: dayShift('+'),
  date_diff: dateDiff,
  date_format: formatted,
  date_sub: dayShift('-'),
  date_trunc: dateTrunc,
  dateadd: dayShift('+'),
  datediff: dateDiff,
  day: datePart('day'),
  dayofmonth: datePart('day'),
  dayofweek: datePart('dayofweek', 1),
  dayofyear: datePart('dayofyear'),
  from_unixtime: fromUnixTime,
  hour: clockPart('hour'),
  last_day: (call) => {
    const date = call.count(1).as(0, DATE);
    return typed(`last_day(${date.sql})`, DATE, date);
  },
  make_date: makeDate,
  minute: clockPart('minute'),
  month: datePart('month'),
  quarter: datePart('quarter'),
  second: clockPart('second'),
  timestamp_micros: fromEpoch(1),
  timestamp_millis: fromEpoch(1000),
  timestamp_seconds: fromEpoch(MICROS_PER_SECOND),
  to_date: converted(DATE),
  to_timestamp: converted(TIMESTAMP),
  to_timestamp_ntz: converted(TIMESTAMP_NTZ),
  trunc,
  try_to_timestamp: (call) => converted(TIMESTAMP, true)(call.count(1)),
  unix_date: (call) => {
    const date = call.count(1).as(0, DATE);
    return typed(`CAST(${date.sql} - make_date(0) AS INTEGER)`, INTEGER, date);
  },
  unix_micros: epoch(1),
  unix_millis: epoch(1000),
  unix_seconds: epoch(MICROS_PER_SECOND),
  unix_timestamp: unixTimestamp,
  weekday: datePart('isodow', -1),
  weekofyear: datePart('weekofyear'),
  year: datePart('year'),
};
