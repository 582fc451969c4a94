/** anti-join.ts TABLE SAMPLES: how many ids of the samples are not in the table, by DuckDB alone: what dropping duplicates cannot do without. */

import { DuckDBInstance } from '@duckdb/node-api';

const [table = '', samples = ''] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '256MB' });
const connection = await instance.connect();
const result = await connection.runAndReadAll(`
  SELECT count(*)::INT AS rows FROM read_parquet('${samples}/*.parquet') s
  ANTI JOIN read_parquet('${table}/*.parquet') t USING (id)`);
console.log(JSON.stringify(result.getRowObjects()[0]));
