/** Live files as the leaves of a checkpoint's column `add`. PROTOCOL.md, "Checkpoint Schema". */

import { assert } from '../base/index.ts';
import type { AddFile } from '../log/index.ts';
import type * as Parquet from '../parquet/index.ts';
import type { Row } from '../schema/index.ts';
import { parsedRow, type StatisticsLayout } from './checkpoint-parsed.ts';

/** Definition level of `add` in a row that holds a file, of its members, and of theirs. */
const FILE = 1;
const MEMBER = 2;
const INNER = 3;

/** Takes files one by one, and gives the leaves that `checkpointSchema` has of them. */
export class FileLeaves {
  rowCount = 0;
  readonly #layout: StatisticsLayout;
  readonly #parquet: typeof Parquet;
  /** Of the parsed members, where there are any. */
  readonly #rows: Row[] = [];
  readonly #texts;
  readonly #numbers;
  readonly #maps;

  constructor(parquet: typeof Parquet, layout: StatisticsLayout) {
    this.#layout = layout;
    this.#parquet = parquet;
    const text = (level = MEMBER): Parquet.TextLeaf => new parquet.TextLeaf(level);
    const number = (level: number, width: 4 | 8 = 8): Parquet.NumberLeaf =>
      new parquet.NumberLeaf(level, width);
    this.#texts = {
      path: text(),
      stats: text(),
      clusteringProvider: text(),
      'deletionVector.storageType': text(INNER),
      'deletionVector.pathOrInlineDv': text(INNER),
    };
    this.#numbers = {
      size: number(FILE),
      modificationTime: number(FILE),
      baseRowId: number(MEMBER),
      defaultRowCommitVersion: number(MEMBER),
      'deletionVector.offset': number(INNER, 4),
      'deletionVector.sizeInBytes': number(MEMBER, 4),
      'deletionVector.cardinality': number(MEMBER),
    };
    this.#maps = {
      partitionValues: new parquet.TextMapLeaf(MEMBER),
      tags: new parquet.TextMapLeaf(MEMBER),
    };
  }

  /** Of the texts that were taken. */
  get sizeBytes(): number {
    return this.#texts.path.sizeBytes + this.#texts.stats.sizeBytes;
  }

  append(file: AddFile): void {
    const { path, stats, clusteringProvider } = this.#texts;
    const { size, modificationTime, baseRowId, defaultRowCommitVersion } = this.#numbers;
    this.rowCount += 1;
    path.append(file.path);
    if (file.stats === undefined) stats.appendNull(FILE);
    else stats.append(file.stats);
    if (file.clusteringProvider === undefined) clusteringProvider.appendNull(FILE);
    else clusteringProvider.append(file.clusteringProvider);
    size.append(file.size);
    modificationTime.append(file.modificationTime);
    if (file.baseRowId === undefined) baseRowId.appendNull(FILE);
    else baseRowId.append(file.baseRowId);
    if (file.defaultRowCommitVersion === undefined) defaultRowCommitVersion.appendNull(FILE);
    else defaultRowCommitVersion.append(file.defaultRowCommitVersion);
    this.#maps.partitionValues.append(file.partitionValues);
    if (file.tags === undefined) this.#maps.tags.appendNull();
    else this.#maps.tags.append(file.tags);
    this.#appendVector(file);
    if (this.#layout.parsed !== null)
      this.#rows.push({ add: parsedRow(file, this.#layout.parsed) });
  }

  /** Begins anew, in the same memory: what `finish` gave is no longer valid. */
  clear(): void {
    this.rowCount = 0;
    this.#rows.length = 0;
    for (const leaf of Object.values({ ...this.#texts, ...this.#numbers, ...this.#maps })) {
      leaf.clear();
    }
  }

  /** What there is for each leaf of the schema. */
  async finish(): Promise<Parquet.LeafSource> {
    const parsed = await this.#parsed();
    const leaves = new Map<string, Parquet.LeafPiece>();
    const columns = Object.entries({ ...this.#texts, ...this.#numbers });
    for (const [name, column] of columns) leaves.set(name, column.finish());
    for (const [name, map] of Object.entries(this.#maps)) {
      const { keys, values } = map.finish();
      leaves.set(`${name}.key_value.key`, keys);
      leaves.set(`${name}.key_value.value`, values);
    }
    leaves.set('dataChange', falseLeaf(this.rowCount));
    return ([column = '', ...path]) => {
      if (column !== 'add') return null;
      const leaf = parsed?.([column, ...path]) ?? leaves.get(path.join('.'));
      assert(leaf !== undefined, 'a checkpoint has a column of files that nobody fills');
      return leaf;
    };
  }

  async #parsed(): Promise<Parquet.LeafSource | null> {
    const { parsed } = this.#layout;
    if (parsed === null) return null;
    const { rowsToArrow, tableLeaves } = this.#parquet;
    const add = { name: 'add', type: parsed, nullable: true, metadata: {} };
    return tableLeaves(await rowsToArrow({ kind: 'struct', fields: [add] }, this.#rows));
  }

  #appendVector({ deletionVector }: AddFile): void {
    const storageType = this.#texts['deletionVector.storageType'];
    const place = this.#texts['deletionVector.pathOrInlineDv'];
    const offset = this.#numbers['deletionVector.offset'];
    const sizeInBytes = this.#numbers['deletionVector.sizeInBytes'];
    const cardinality = this.#numbers['deletionVector.cardinality'];
    if (deletionVector === undefined) {
      for (const column of [storageType, place, offset, sizeInBytes, cardinality]) {
        column.appendNull(FILE);
      }
      return;
    }
    storageType.append(deletionVector.storageType);
    place.append(deletionVector.pathOrInlineDv);
    if (deletionVector.offset === undefined) offset.appendNull(MEMBER);
    else offset.append(deletionVector.offset);
    sizeInBytes.append(deletionVector.sizeInBytes);
    cardinality.append(deletionVector.cardinality);
  }
}

function falseLeaf(count: number): Parquet.LeafPiece {
  return {
    values: { bytes: new Uint8Array(count), offsets: null, stride: 1, width: 1, numbers: null },
    count,
    definitions: null,
    repetitions: null,
    places: null,
  };
}
