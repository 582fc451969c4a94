/** The only door to Parquet bytes. */

export { arrowSchemaOf, arrowToSchema } from './arrow-schema.ts';
export { type LocalFileSource, localFileSource, memorySource, storeSource } from './byte-source.ts';
export type { ColumnPath, Projection } from './byte-range.ts';
export { checkRow } from './column-builder.ts';
export { fileSchema, type SuggestedSchema } from './file-schema.ts';
export { checkNotEncrypted, decodeFooter, readFooter } from './footer.ts';
export { HeldFile } from './held-file.ts';
export { KeySet } from './key-set.ts';
export { NumberLeaf, textChunk, TextLeaf, TextMapLeaf } from './leaf-builder.ts';
export {
  bytesOnDisk,
  type ChunkBytes,
  chunkOf,
  fetchChunk,
  isReadable,
  type Leaf,
  leafAt,
  type LeafChunk,
  openLeaf,
  verifyPages,
} from './leaf-chunk.ts';
export { type CopiedLeaf, LeafCopier, type LeafCopyOptions } from './leaf-copy.ts';
export { type Items, LeafReader, type TextPage } from './leaf-reader.ts';
export { LeafScratch } from './leaf-scratch.ts';
export { type LeafRowsSource, readLeafRows } from './leaf-rows.ts';
export type { LeafPiece } from './leaf-values.ts';
export { mapColumns, mapColumnsOf, unmappedFooter } from './mapped-columns.ts';
export { listShape, mapShape } from './nesting.ts';
export { FilePacker } from './pack.ts';
export { canPatch, isAlike, patchFile, type PatchSpec } from './patch.ts';
export { readParquet, readRows, type ReadOptions, type ReadRowsOptions } from './read.ts';
export { canRecast, recastColumns } from './recast.ts';
export { rowCheck } from './row-check.ts';
export { type LeafSource, tableLeaves } from './row-group-encoder.ts';
export { rowsToArrow, type RowsOptions } from './rows-to-arrow.ts';
export { canSplice, spliceFiles, type SpliceInput } from './splice.ts';
export { type KeyScan, type KeyVisitor, readKeys, scanKeys } from './scan-keys.ts';
export { stageSparse, type StageOptions } from './stage.ts';
export { footerStatistics, type FooterStatisticsOptions } from './statistics.ts';
export type {
  ByteSource,
  ChunkStatistics,
  Codec,
  ColumnChunk,
  LogicalType,
  ParquetFooter,
  ParquetNode,
  PhysicalType,
  RowGroup,
  VerbatimVerdict,
} from './types.ts';
export { unknownColumn } from './unknown-column.ts';
export { judgeVerbatim, type VerbatimOptions } from './verbatim.ts';
export { dictionaryData, ValueNumbers } from './value-numbers.ts';
export {
  nanColumns,
  ParquetWriter,
  type TableInput,
  writeParquet,
  type WriteOptions,
} from './write.ts';
