/** The lists of the official API, read to their ends. */
import type * as z from 'zod';
import * as answers from './answers.js';
import type { EesClient } from './client.js';

/** No list of EES is near this long; a server that counts pages without end is not followed. */
export const MOST_PAGES = 50;

/** Every publication with a data set. */
export function readPublications(client: EesClient) {
  return allPages((page) => client.get('official', '/publications', answers.publicationPage, { page, pageSize: 40 }));
}

/** Every data set of a publication. */
export function readDataSets(client: EesClient, publicationId: string): Promise<answers.DataSet[]> {
  return allPages((page) =>
    client.get('official', `/publications/${publicationId}/data-sets`, answers.dataSetPage, { page, pageSize: 20 }),
  );
}

/** Every version of a data set. */
export function readVersions(client: EesClient, id: string): Promise<answers.DataSetVersion[]> {
  return allPages((page) =>
    client.get('official', `/data-sets/${id}/versions`, answers.dataSetVersionPage, { page, pageSize: 20 }),
  );
}

/** Column names of a data set version: filters and indicators (those with one value only are not told). */
export async function readMetaColumns(client: EesClient, id: string, version: string): Promise<string[]> {
  const meta = await client.get('official', `/data-sets/${id}/meta`, answers.dataSetMeta, {
    dataSetVersion: version,
    types: 'Filters,Indicators',
  });
  return [
    ...STANDARD_COLUMNS,
    ...meta.filters.map(({ column }) => column),
    ...meta.indicators.map(({ column }) => column),
  ];
}

/** Every data file has them (EES open data standard); the meta leaves them out. */
const STANDARD_COLUMNS = ['time_period', 'time_identifier', 'geographic_level', 'country_code', 'country_name'];

/** Everything of a paged list, within reason. */
export async function allPages<T>(
  read: (page: number) => Promise<{ results: T[]; paging: z.infer<typeof answers.publicationPage>['paging'] }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const { results, paging } = await read(page);
    all.push(...results);
    if (page >= paging.totalPages || results.length === 0) break;
  }
  return all;
}
