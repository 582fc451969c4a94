/**
 * Every feature of the protocol that touches rows, both ways: what we write is read by Spark, delta-rs and DuckDB, and what
 * Spark writes, into our tables and its own, is read here; where somebody refuses, the refusal is asserted.
 */

import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { FeatureBed } from './features/bed.ts';
import { changeTests } from './features/changes.ts';
import { columnTests } from './features/columns.ts';
import { mappingTests } from './features/mapping.ts';
import { rewriteTests } from './features/rewrites.ts';
import { travelTests } from './features/travel.ts';
import { typeTests } from './features/types.ts';
import { vectorTests } from './features/vectors.ts';
import { wideningTests } from './features/widening.ts';
import { wildTests } from './features/wild.ts';

let started: FeatureBed;
const bed = (): FeatureBed => started;

beforeAll(async () => {
  started = await FeatureBed.start();
});
afterEach(() => started.closeTables());
afterAll(() => started.stop());

describe('column mapping', () => mappingTests(bed));
describe('deletion vectors', () => vectorTests(bed));
describe('type widening', () => wideningTests(bed));
describe('types and layouts', () => typeTests(bed));
describe('columns with rules', () => columnTests(bed));
describe('changes', () => changeTests(bed));
describe('what we change', () => rewriteTests(bed));
describe('time travel', () => travelTests(bed));
describe('tables as they come about elsewhere', () => wildTests(bed));
