/** open.ts TABLE partition|all: opens a table, and lists the files of one partition, or all of them with their statistics. */

import { openTable } from 'deltawright';

const [uri = '', what = 'partition'] = process.argv.slice(2);
const table = await openTable(uri);
let files = 0;
let statisticsBytes = 0;
if (what === 'partition') {
  const options = { where: "uf = 'SP' and dt = '2024-03-15'", statistics: false };
  for (const file of table.files(options)) files += Number(file.path !== '');
} else {
  for (const file of table.snapshot.files()) {
    files += 1;
    statisticsBytes += file.stats?.length ?? 0;
  }
}
await table.close();
console.log(JSON.stringify({ files, statisticsBytes }));
