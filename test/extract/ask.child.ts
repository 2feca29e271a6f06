/** Run as a process of its own: asks both APIs as the environment says, prints what came of it. */
import { loadConfig } from '../../src/config.js';
import { createEesClient } from '../../src/extract/client.js';
import { download } from '../../src/extract/download.js';
import { probe } from '../../src/extract/probe.js';

const origin = process.env['EES_ORIGIN'] ?? '';
// As every command does first.
await loadConfig(undefined, process.env, process.env['DOWNLOADS'] ?? '');
const id = '019d209c-08dc-74b6-9edb-52d521406fcf';
const client = createEesClient({
  apiUrl: `${origin}/statistics`,
  contentUrl: `${origin}/content/api`,
  version: '1.2.3',
  timing: {
    attempts: Number(process.env['ATTEMPTS'] ?? 1),
    requestMs: Number(process.env['REQUEST_MS'] ?? 5000),
    headersMs: Number(process.env['REQUEST_MS'] ?? 5000),
    firstWaitMs: 5,
  },
});
const probed = await probe(client);
let rows: number | string;
try {
  const got = await download(
    client,
    {
      publication: { slug: 'absence', title: 'Absence', eesId: undefined },
      release: { title: '', slug: '', status: undefined, firstPublished: '', url: '' },
      dataSet: { title: '', apiId: id, columns: undefined },
      version: undefined,
      publishedAt: '',
      source: { kind: 'api', dataSetId: id, version: '1.0', dataSetFileId: id },
      alternative: undefined,
      expected: { rows: 3, bytes: undefined },
      fileName: 'long.csv',
    },
    process.env['DOWNLOADS'] ?? '',
  );
  rows = got.kind === 'file' ? got.rows : got.kind;
} catch (error) {
  rows = error instanceof Error ? error.message : String(error);
}
client.close();
process.stdout.write(JSON.stringify({ ...probed, rows }));
