/**
 * Files of Spark with days before 1582-10-15 in the Julian calendar: what Spark wrote before 3.0 (INT96: 3.1), and later ones
 * in the mode LEGACY. Spark reads them with the same year, month and day; the bytes alone would be other days.
 */

import type { LogicalType, ParquetNode } from './types.ts';

const SPARK_VERSION = 'org.apache.spark.version';
const MARK = 'org.apache.spark.legacyDateTime';
const INT96_MARK = 'org.apache.spark.legacyINT96';
const ZONE = 'org.apache.spark.timeZone';

/** Whether any days of a file may be Julian. */
export function isOfOldSpark(keyValues: ReadonlyMap<string, string>): boolean {
  return hasOldDays(keyValues) || hasOldInt96(keyValues);
}

/**
 * The columns, with the leaves marked that hold Julian days. Instants of a zone other than UTC are not: what local time they
 * were depends on the zone's own past, too.
 */
export function withCalendar(
  columns: readonly ParquetNode[],
  keyValues: ReadonlyMap<string, string>,
): readonly ParquetNode[] {
  if (!isOfOldSpark(keyValues)) return columns;
  const days = hasOldDays(keyValues);
  const inUtc = UTC.test(keyValues.get(ZONE) ?? 'UTC');
  const isOld = ({ physicalType, logicalType }: ParquetNode): boolean => {
    if (physicalType === 'INT96') return inUtc && hasOldInt96(keyValues);
    return days && (logicalType?.kind === 'date' || (inUtc && isInstant(logicalType)));
  };
  const marked = (node: ParquetNode): ParquetNode => {
    if (node.physicalType !== null) return isOld(node) ? { ...node, calendar: 'julian' } : node;
    return { ...node, children: node.children.map(marked) };
  };
  return columns.map(marked);
}

const UTC = /^(?:(?:Etc\/)?(?:UTC|GMT|UCT|Zulu|Universal)|Z)$/i;

function hasOldDays(keyValues: ReadonlyMap<string, string>): boolean {
  return keyValues.has(MARK) || /^[0-2]\./.test(keyValues.get(SPARK_VERSION) ?? '');
}

function hasOldInt96(keyValues: ReadonlyMap<string, string>): boolean {
  return (
    keyValues.has(INT96_MARK) || /^(?:[0-2]\.|3\.0\b)/.test(keyValues.get(SPARK_VERSION) ?? '')
  );
}

function isInstant(type: LogicalType | null): boolean {
  return type?.kind === 'timestamp' && type.adjustedToUtc;
}
