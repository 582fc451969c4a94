/** `show`: what a table is. */

import { typeName } from '../../schema/index.ts';
import { openEnvironment } from '../environment.ts';
import { bytesText, print, printFacts, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export async function run(text: string, options: CommonOptions): Promise<void> {
  const environment = await openEnvironment(options, `reading the log of ${text}`);
  try {
    const { uri, snapshot } = await environment.openTable(text);
    const { version, protocol, metadata, schema, partitionColumns } = snapshot;
    const columns = schema.fields.map(({ name, type, nullable }) => ({
      name,
      type: typeName(type),
      nullable,
    }));
    const time = new Date(snapshot.timestampMs).toISOString();
    if (options.json === true) {
      await printObject({
        uri,
        id: metadata.id,
        version,
        timestamp: time,
        protocol: { ...protocol },
        columns,
        partitionColumns: [...partitionColumns],
        properties: { ...metadata.configuration },
        files: snapshot.fileCount,
        bytes: snapshot.sizeBytes,
      });
      return;
    }
    const features = [
      ...new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])]),
    ];
    await printFacts([
      ['table', uri],
      ['id', metadata.id],
      ...(metadata.description === undefined
        ? []
        : [['description', metadata.description] as const]),
      ['version', `${version} of ${time}`],
      ['protocol', `reader ${protocol.minReaderVersion}, writer ${protocol.minWriterVersion}`],
      ...(features.length === 0 ? [] : [['features', features.join(', ')] as const]),
      ['files', `${snapshot.fileCount}, ${bytesText(snapshot.sizeBytes)}`],
      ...(partitionColumns.length === 0
        ? []
        : [['partitioned by', partitionColumns.join(', ')] as const]),
      ...Object.entries(metadata.configuration).map(([key, value]) => [key, value] as const),
    ]);
    await print('columns');
    await printFacts(
      columns.map(({ name, type, nullable }) => [
        `  ${name}`,
        nullable ? type : `${type} not null`,
      ]),
    );
  } finally {
    await environment.close();
  }
}
