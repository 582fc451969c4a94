/** Delta types, schema JSON, values, partition values, statistics, expressions and predicates. No I/O. */

export { assignMapping, highestId, reuseMapping } from './assign-mapping.ts';
export { parseDdl } from './column-list.ts';
export {
  mappingId,
  type MappingMode,
  mappingMode,
  nestedMappingId,
  physicalName,
  withoutMapping,
  withoutMarks,
} from './column-mapping.ts';
export { DEFAULT, GENERATION, IDENTITY, isFilled, isIdentity } from './column-marks.ts';
export {
  addColumn,
  changeColumn,
  type ColumnPosition,
  dropColumn,
  fieldAt,
} from './edit-columns.ts';
export { asNullable, evolveSchema, type Evolution, type EvolveMode } from './evolve.ts';
export type { BinaryOperator, Expression } from './expression.ts';
export {
  conjunctsOf,
  expressionColumns,
  expressionParts,
  mapColumns,
  mapExpression,
  resolveColumns,
} from './expression-walk.ts';
export { parseExpression } from './parse-expression.ts';
export {
  columnsRead,
  evaluatePredicate,
  type FileFacts,
  mayMatch,
  type Truth,
} from './predicate.ts';
export { printExpression } from './print-expression.ts';
export {
  parseSelectItem,
  parseSortItem,
  type SelectItem,
  type SortItem,
  type Transform,
} from './select-item.ts';
export { compareScalars, compareText } from './compare.ts';
export {
  decodePath,
  encodePath,
  escapeHive,
  HIVE_DEFAULT_PARTITION,
  hivePartition,
  partitionPath,
} from './partition-path.ts';
export { printDate, printTimestamp, readTimestamp } from './time-text.ts';
export { isPartitionType, parsePartitionValue, printPartitionValue } from './partition-value.ts';
export { fromScalar, toScalar } from './scalar.ts';
export { parseSchema, printSchema } from './schema-json.ts';
export { indexedSchema, readColumnList, type StatisticsOptions } from './indexed-columns.ts';
export { parseStatistics, printStatistics, withWideBounds } from './statistics-json.ts';
export { type ColumnStatistics, type FileStatistics, mergeStatistics } from './statistics.ts';
export {
  BINARY,
  BOOLEAN,
  BYTE,
  checkColumnNames,
  DATE,
  decimalType,
  DOUBLE,
  findField,
  unusedName,
  FLOAT,
  INTEGER,
  LONG,
  SHORT,
  STRING,
  TIMESTAMP,
  TIMESTAMP_NTZ,
  typesEqual,
  VOID,
} from './structure.ts';
export { hiveType, parseType, quoteName, typeName } from './type-text.ts';
export { isWidening, unknownTypeChange } from './type-widening.ts';
export { encodeVariant, readVariant, type VariantBytes, type VariantNode } from './variant.ts';
export { variantJson } from './variant-json.ts';
export { scalarNode, type VariantScalar } from './variant-scalar.ts';
export type {
  ArrayType,
  DataType,
  DecimalType,
  MapType,
  PrimitiveName,
  PrimitiveType,
  Row,
  RowValue,
  Scalar,
  StructField,
  StructType,
} from './types.ts';
export { widenColumn } from './widen.ts';
