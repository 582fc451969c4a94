/** The job usuario-evento of the fixtures with ten files a batch, so that a thousand files make a hundred versions. */

import { defineConfig } from 'deltawright';
import usuarios from '../../fixtures/deltawright.config.ts';

const job = usuarios.jobs['usuario-evento'];
if (job?.source.kind !== 'files') throw new Error('the fixtures have no job usuario-evento');

export default defineConfig({
  ...usuarios,
  jobs: { 'usuario-evento': { ...job, source: { ...job.source, maxFilesPerBatch: 10 } } },
});
