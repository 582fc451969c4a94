/** What is seldom asked of a table, each loaded when it is first called: a run that finds nothing new should not pay for it. */

import type {
  setProperties as setPropertiesNow,
  enableFeature as enableFeatureNow,
} from './alter.ts';
import type { cleanUpLog as cleanUpLogNow } from './cleanup.ts';
import type {
  addColumns as addColumnsNow,
  changeColumnOf as changeColumnOfNow,
  dropColumns as dropColumnsNow,
  renameColumn as renameColumnNow,
  syncIdentity as syncIdentityNow,
  widenType as widenTypeNow,
} from './columns.ts';
import type { examine as examineNow } from './doctor.ts';
import type { clusterBy as clusterByNow, setDomain as setDomainNow } from './domains.ts';
import type { dropFeature as dropFeatureNow } from './drop-feature.ts';
import type {
  addConstraint as addConstraintNow,
  dropConstraint as dropConstraintNow,
} from './ops/constraints.ts';

/** See `alter.ts`. */
export const setProperties: typeof setPropertiesNow = async (...args) =>
  (await import('./alter.ts')).setProperties(...args);

/** See `alter.ts`. */
export const enableFeature: typeof enableFeatureNow = async (...args) =>
  (await import('./alter.ts')).enableFeature(...args);

/** See `cleanup.ts`. */
export const cleanUpLog: typeof cleanUpLogNow = async (...args) =>
  (await import('./cleanup.ts')).cleanUpLog(...args);

/** See `columns.ts`. */
export const widenType: typeof widenTypeNow = async (...args) =>
  (await import('./columns.ts')).widenType(...args);

/** See `doctor.ts`. */
export const examine: typeof examineNow = async (...args) =>
  (await import('./doctor.ts')).examine(...args);

/** See `domains.ts`. */
export const clusterBy: typeof clusterByNow = async (...args) =>
  (await import('./domains.ts')).clusterBy(...args);

/** See `domains.ts`. */
export const setDomain: typeof setDomainNow = async (...args) =>
  (await import('./domains.ts')).setDomain(...args);

/** See `drop-feature.ts`. */
export const dropFeature: typeof dropFeatureNow = async (...args) =>
  (await import('./drop-feature.ts')).dropFeature(...args);

/** See `columns.ts`. */
export const addColumns: typeof addColumnsNow = async (...args) =>
  (await import('./columns.ts')).addColumns(...args);

/** See `columns.ts`. */
export const changeColumnOf: typeof changeColumnOfNow = async (...args) =>
  (await import('./columns.ts')).changeColumnOf(...args);

/** See `columns.ts`. */
export const dropColumns: typeof dropColumnsNow = async (...args) =>
  (await import('./columns.ts')).dropColumns(...args);

/** See `columns.ts`. */
export const renameColumn: typeof renameColumnNow = async (...args) =>
  (await import('./columns.ts')).renameColumn(...args);

/** See `columns.ts`. */
export const syncIdentity: typeof syncIdentityNow = async (...args) =>
  (await import('./columns.ts')).syncIdentity(...args);

/** See `ops/constraints.ts`. */
export const addConstraint: typeof addConstraintNow = async (...args) =>
  (await import('./ops/constraints.ts')).addConstraint(...args);

/** See `ops/constraints.ts`. */
export const dropConstraint: typeof dropConstraintNow = async (...args) =>
  (await import('./ops/constraints.ts')).dropConstraint(...args);
