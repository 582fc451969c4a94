/** Makes a program that fails smaller for as long as it fails. */

import { parseDdl } from '../../src/schema/index.ts';
import { ddlOf } from './generate-schema.ts';
import type { Program, Step } from './program.ts';

/** Tries, so that it ends in a time that people wait. */
const TRIES_MAX = 600;

export async function shrink(
  program: Program,
  fails: (program: Program) => Promise<boolean>,
): Promise<Program> {
  let smallest = program;
  let tries = 0;
  for (;;) {
    let isSmaller = false;
    for (const candidate of smallerOnes(smallest)) {
      tries += 1;
      if (tries > TRIES_MAX) return smallest;
      if (!(await fails(candidate))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
    if (!isSmaller) return smallest;
  }
}

/** The boldest first. */
function* smallerOnes(program: Program): Generator<Program> {
  const { steps, properties } = program;
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    yield { ...program, steps: steps.toSpliced(index, 1) };
  }
  for (const [index, step] of steps.entries()) {
    for (const smaller of smallerSteps(step))
      yield { ...program, steps: steps.with(index, smaller) };
  }
  for (const key of Object.keys(properties)) {
    const { [key]: _, ...others } = properties;
    yield { ...program, properties: others };
  }
  for (const { name } of parseDdl(program.schema).fields) yield* withoutColumn(program, name);
  if (program.partitionBy.length > 0) yield { ...program, partitionBy: [] };
  if (program.store === 'disk') yield { ...program, store: 'memory' };
}

function* smallerSteps(step: Step): Generator<Step> {
  if ('rows' in step) {
    const { rows } = step;
    const half = Math.ceil(rows.length / 2);
    if (rows.length > 3) {
      yield { ...step, rows: rows.slice(0, half) };
      yield { ...step, rows: rows.slice(half) };
    }
    for (let index = 0; index < rows.length; index += 1) {
      yield { ...step, rows: rows.toSpliced(index, 1) };
    }
  }
  if (step.do === 'merge') {
    for (const part of ['matched', 'inserted', 'bySource'] as const) {
      for (let index = 0; index < step[part].length; index += 1) {
        yield { ...step, [part]: [...step[part].slice(0, index), ...step[part].slice(index + 1)] };
      }
    }
  }
  if (step.do === 'update' && step.set.length > 1) {
    for (let index = 0; index < step.set.length; index += 1) {
      yield { ...step, set: step.set.toSpliced(index, 1) };
    }
  }
}

function* withoutColumn(program: Program, name: string): Generator<Program> {
  const schema = without(program.schema, name);
  if (schema === null || program.partitionBy.includes(name)) return;
  const steps = program.steps.map((step): Step => {
    if (!('rows' in step)) return step;
    const rows = step.rows.map((row) =>
      Object.fromEntries(Object.entries(row).filter(([column]) => column !== name)),
    );
    return { ...step, rows, schema: without(step.schema, name) ?? step.schema };
  });
  yield { ...program, schema, steps };
}

/** Null where there would be none left, or there is none of the name. */
function without(schema: string, name: string): string | null {
  const parsed = parseDdl(schema);
  const fields = parsed.fields.filter((field) => field.name !== name);
  if (fields.length === 0 || fields.length === parsed.fields.length) return null;
  return ddlOf({ ...parsed, fields });
}
