/** The only door to Parquet bytes. */

export type {
  ByteSource,
  ChunkStatistics,
  Codec,
  ColumnChunk,
  ColumnStatistics,
  FileStatistics,
  LogicalType,
  ParquetFooter,
  ParquetNode,
  PhysicalType,
  RowGroup,
  VerbatimVerdict,
} from './types.ts';
