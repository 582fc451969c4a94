/** `show`: what a table is. */

import { isoTime } from '../../base/index.ts';
import { typeName } from '../../schema/index.ts';
import { openEnvironment } from '../environment.ts';
import { bytesText, print, printFacts, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export async function run(text: string, options: CommonOptions): Promise<void> {
  const environment = await openEnvironment(options, `reading the log of ${text}`);
  try {
    const table = await environment.openTable(text);
    const { uri, snapshot } = table;
    const { version, protocol, metadata, schema, partitionColumns } = snapshot;
    const detail = table.detail();
    const { name, clusteringColumns, createdAt, tableFeatures } = detail;
    const columns = schema.fields.map((field) => ({
      name: field.name,
      type: typeName(field.type),
      nullable: field.nullable,
      ...(typeof field.metadata['comment'] === 'string'
        ? { comment: field.metadata['comment'] }
        : {}),
    }));
    const time = isoTime(snapshot.timestampMs);
    if (options.json === true) {
      await printObject({
        uri,
        id: metadata.id,
        name,
        description: detail.description,
        version,
        createdAt,
        timestamp: time,
        protocol: { ...protocol },
        columns,
        partitionColumns: [...partitionColumns],
        clusteringColumns: [...clusteringColumns],
        tableFeatures: [...tableFeatures],
        properties: { ...metadata.configuration },
        files: snapshot.fileCount,
        bytes: snapshot.sizeBytes,
      });
      return;
    }
    await printFacts([
      ['table', uri],
      ['id', metadata.id],
      ...(name === null ? [] : [['name', name] as const]),
      ...(metadata.description === undefined
        ? []
        : [['description', metadata.description] as const]),
      ...(createdAt === null ? [] : [['created', createdAt] as const]),
      ['version', `${version} of ${time}`],
      ['protocol', `reader ${protocol.minReaderVersion}, writer ${protocol.minWriterVersion}`],
      ...(tableFeatures.length === 0 ? [] : [['features', tableFeatures.join(', ')] as const]),
      ['files', `${snapshot.fileCount}, ${bytesText(snapshot.sizeBytes)}`],
      ...(partitionColumns.length === 0
        ? []
        : [['partitioned by', partitionColumns.join(', ')] as const]),
      ...(clusteringColumns.length === 0
        ? []
        : [['clustered by', clusteringColumns.join(', ')] as const]),
      ...Object.entries(metadata.configuration).map(([key, value]) => [key, value] as const),
    ]);
    await print('columns');
    await printFacts(
      columns.map(({ name: column, type, nullable, comment }) => [
        `  ${column}`,
        [type, ...(nullable ? [] : ['not null']), ...(comment === undefined ? [] : [comment])].join(
          ' ',
        ),
      ]),
    );
  } finally {
    await environment.close();
  }
}
