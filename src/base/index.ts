/** What every room shares; knows no Delta. */

export { assert, present, unreachable } from './assert.ts';
export { type Clock, isoTime, ManualClock, systemClock } from './clock.ts';
export {
  DeltaError,
  type ErrorDetails,
  type ErrorKind,
  type ErrorSpec,
  isDeltaError,
  messageOf,
  summaryOf,
  withDetails,
} from './errors.ts';
export {
  isJsonObject,
  JsonNumber,
  type JsonObject,
  type JsonValue,
  parseJson,
  printJson,
} from './json.ts';
export { JsonSource } from './json-source.ts';
export { nameUuid } from './name-uuid.ts';
export { type Random, seededRandom, systemRandom } from './random.ts';
export { backoffMs, retry, type RetryOptions } from './retry.ts';
export { makeTempFolder } from './temp-folder.ts';
export { PACKAGE_VERSION } from './version.ts';
