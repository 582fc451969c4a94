/** The columns that changes have behind those of their table. PROTOCOL.md, "Reader Requirements for AddCDCFile". */

import { LONG, STRING, type StructField, TIMESTAMP } from '../../schema/index.ts';

/** `insert`, `update_preimage`, `update_postimage` or `delete`. */
export const CHANGE_TYPE: StructField = {
  name: '_change_type',
  type: STRING,
  nullable: false,
  metadata: {},
};
export const COMMIT_VERSION: StructField = {
  name: '_commit_version',
  type: LONG,
  nullable: false,
  metadata: {},
};
export const COMMIT_TIMESTAMP: StructField = {
  name: '_commit_timestamp',
  type: TIMESTAMP,
  nullable: false,
  metadata: {},
};

export const CHANGE_COLUMNS: readonly StructField[] = [
  CHANGE_TYPE,
  COMMIT_VERSION,
  COMMIT_TIMESTAMP,
];
