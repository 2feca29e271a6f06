/** The stand-in's official API against the published description, so that the stand-in cannot drift to please us. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ABSENCE, longFile, PERSISTENT_AND_SEVERE_ID, StandIn } from '../../demo/index.js';
import { description, hasDescription, offences, wrongIn } from '../support/description.js';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every null in a body, by path: the real API leaves them out. */
function nulls(value: unknown, path = '$'): string[] {
  if (value === null) return [path];
  if (Array.isArray(value)) return value.flatMap((each, at) => nulls(each, `${path}[${at}]`));
  return isObject(value) ? Object.entries(value).flatMap(([key, each]) => nulls(each, `${path}.${key}`)) : [];
}

describe.skipIf(!hasDescription)(
  'the stand-in answers as the official description says (skipped without the description)',
  () => {
    let standIn: StandIn;
    let publicationId: string;

    beforeAll(async () => {
      // Takes seconds, after which a connection that was kept open would be closed.
      await description();
      standIn = await StandIn.start();
      for (const years of [[2023], [2023, 2024]]) {
        const slug = `${years.at(-1) ?? ''}`;
        const content = longFile({ period: 'Academic year', years, london: 'whole', codes: 'now' });
        const severe = { name: 'long.csv', title: 'Severe', content, api: { dataSetId: PERSISTENT_AND_SEVERE_ID } };
        standIn.publish({ publication: ABSENCE, slug, title: `Academic year ${slug}`, files: [severe] });
      }
      standIn.amend({
        publication: ABSENCE,
        release: '2024',
        replace: [
          {
            file: 'Severe',
            content:
              'time_period,time_identifier,geographic_level,country_code,country_name,region_code,region_name,old_la_code,new_la_code,la_name,absence_type,enrolment_percent\n' +
              '202425,Academic year,Local authority,E92000001,England,E12000006,East of England,821,E06000032,Luton,Severe absence,1.5\n' +
              '202425,Academic year,School,E92000001,England,E12000006,East of England,821,E06000032,Luton,Persistent absence,c\n',
            notes: 'Columns gone, for the sake of major changes.',
          },
        ],
      });
      standIn.withdrawVersion(PERSISTENT_AND_SEVERE_ID, '1.0', '2026-04-01T12:00:00Z');
      publicationId = standIn.publication(ABSENCE).id;
    });

    afterAll(() => standIn.close());

    const dataSet = `/data-sets/${PERSISTENT_AND_SEVERE_ID}`;
    const unknown = '019d0000-0000-7000-8000-000000000000';

    it.each([
      ['/publications?search=absence&page=1&pageSize=40', 200, '/publications'],
      ['/publications?page=2', 200, '/publications'],
      ['/publications?search=zzz', 200, '/publications'],
      ['/publications?pageSize=500&page=0', 400, '/publications'],
      ['/publications?unheard=1', 400, '/publications'],
      ['/publications/PUBLICATION', 200, '/publications/{publicationId}'],
      ['/publications/UNKNOWN', 404, '/publications/{publicationId}'],
      ['/publications/PUBLICATION/data-sets?page=1&pageSize=20', 200, '/publications/{publicationId}/data-sets'],
      ['/publications/PUBLICATION/data-sets?pageSize=21', 400, '/publications/{publicationId}/data-sets'],
      ['/data-sets/DATA-SET', 200, '/data-sets/{dataSetId}'],
      ['/data-sets/UNKNOWN', 404, '/data-sets/{dataSetId}'],
      ['/data-sets/DATA-SET/versions?page=1&pageSize=20', 200, '/data-sets/{dataSetId}/versions'],
      ['/data-sets/DATA-SET/versions/1.1.1', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}'],
      ['/data-sets/DATA-SET/versions/1.0', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}'],
      ['/data-sets/DATA-SET/versions/7.*', 404, '/data-sets/{dataSetId}/versions/{dataSetVersion}'],
      ['/data-sets/DATA-SET/versions/1.0/changes', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}/changes'],
      ['/data-sets/DATA-SET/versions/1.1/changes', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}/changes'],
      [
        '/data-sets/DATA-SET/versions/1.1.1/changes?includePatchHistory=true',
        200,
        '/data-sets/{dataSetId}/versions/{dataSetVersion}/changes',
      ],
      ['/data-sets/DATA-SET/meta?dataSetVersion=1.1', 200, '/data-sets/{dataSetId}/meta'],
      ['/data-sets/DATA-SET/meta?dataSetVersion=1.1.1', 200, '/data-sets/{dataSetId}/meta'],
      ['/data-sets/DATA-SET/meta?types=Filters,TimePeriods', 200, '/data-sets/{dataSetId}/meta'],
      ['/data-sets/DATA-SET/meta?dataSetVersion=9.9', 404, '/data-sets/{dataSetId}/meta'],
    ] as const)('GET %s: %i', async (address, status, path) => {
      const concrete = address
        .replace('PUBLICATION', publicationId)
        .replace('DATA-SET', PERSISTENT_AND_SEVERE_ID)
        .replace('UNKNOWN', unknown);
      const response = await fetch(`${standIn.apiUrl}/v1${concrete}`);
      expect(response.status).toBe(status);
      const body: unknown = await response.json();
      expect(await wrongIn(path, status, body)).toEqual([]);
      expect(nulls(body)).toEqual([]);
      const asked = standIn.requests.slice(-1);
      // What is asked wrongly on purpose is found wrong by the validator too.
      const wrong = await offences(asked);
      if (status === 400) expect(wrong).not.toEqual([]);
      else expect(wrong).toEqual([]);
    });

    it('notices an answer that is wrong', async () => {
      const good = { id: unknown, title: 'A', summary: '', status: 'Published' };
      const wrong = (body: object): Promise<string[]> => wrongIn('/data-sets/{dataSetId}', 200, body);
      expect(await wrong(good)).toEqual([]);
      expect(await wrong({ ...good, status: 'Live' })).toHaveLength(1);
      expect(await wrong({ ...good, extra: 1 })).toHaveLength(1);
      expect(await wrong({ ...good, id: 'absence' })).not.toEqual([]);
      expect(await wrongIn('/no/such/path', 200, good)).toEqual([expect.stringContaining('has no schema')]);
    });

    it('notices a request that is wrong', async () => {
      const path = `/statistics/v1/data-sets/${PERSISTENT_AND_SEVERE_ID}/meta`;
      const wrong = (query: string, at = path): Promise<string[]> => offences([{ method: 'GET', path: at, query }]);
      expect(await wrong('?dataSetVersion=1.1&types=Filters%2CIndicators')).toEqual([]);
      expect(await wrong('?types=Filters,Nothing')).toHaveLength(1);
      expect(await wrong('?version=1.1')).toHaveLength(1);
      expect(await wrong('?pageSize=21', '/statistics/v1/publications/not-a-guid/data-sets')).not.toEqual([]);
      expect(await wrong('', '/statistics/v1/data-set')).toEqual([expect.stringContaining('no such operation')]);
    });

    it('/data-sets/{dataSetId}/csv is text/csv in gzip', async () => {
      const operation = (await description()).getOperation('DownloadDataSetCsv');
      expect(operation?.responses).toMatchObject({ 200: { content: { 'text/csv': {} } } });
      const response = await fetch(`${standIn.apiUrl}/v1${dataSet}/csv?dataSetVersion=1.1`, {
        headers: { 'accept-encoding': 'identity' },
      });
      expect(response.headers.get('content-type')).toBe('text/csv');
      expect(response.headers.get('content-encoding')).toBe('gzip');
      expect(response.headers.get('content-disposition')).toBe(
        `attachment; filename=${PERSISTENT_AND_SEVERE_ID}_v1.1.csv`,
      );
      expect((await response.text()).split('\n')[0]).toMatch(/^time_period,time_identifier,/);
    });
  },
);
