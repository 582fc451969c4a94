/** Delta types, schema JSON, values, partition values, statistics, expressions and predicates. No I/O. */

export type { BinaryOperator, Expression } from './expression.ts';
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
