/** What a plan of history asks about one file or data set after another: a route that is dead is left alone after two tries. */
import * as answers from './answers.js';
import type { EesClient } from './client.js';
import { EesRefusedError } from './errors.js';
import { tolerated, UNTOLD_IN_A_ROW, type CatalogueFile } from './history-find.js';

/** What is told where the columns of a file cannot be had. */
export const NO_COLUMNS = (title: string): string => `The columns of "${title}" are not known before it is fetched`;

/**
 * One route, asked about one thing after another. A dead one is not asked about all of them.
 * @param untold what is not known then
 * @param others of which no more are asked about
 */
export function createRoute(notes: string[], untold: (title: string) => string, others: string) {
  let failures = 0;
  return async <T>(title: string, ask: () => Promise<T>): Promise<T | undefined> => {
    if (failures >= UNTOLD_IN_A_ROW) return undefined;
    return tolerated(
      async () => {
        const answer = await ask();
        failures = 0;
        return answer;
      },
      (why) => {
        failures += 1;
        const more = failures < UNTOLD_IN_A_ROW ? '' : `; other ${others} are not asked about`;
        notes.push(`${untold(title)} (${why})${more}`);
      },
    );
  };
}

/** What a file is called, and its columns where the website tells them. */
export function createPreviews(client: EesClient, notes: string[]) {
  const ask = createRoute(notes, NO_COLUMNS, 'files');
  return async (item: CatalogueFile): Promise<{ columns: string[] | undefined; fileName: string }> => {
    const detail = await ask(item.title, () =>
      client.get('content', `/data-set-files/${item.id}`, answers.dataSetFile),
    );
    const fileName = item.filename ?? detail?.file.name ?? `${item.id}.csv`;
    return { columns: detail?.file.dataCsvPreview.headers, fileName };
  };
}

/** Whether the official API has withdrawn a data set, asked once of each. */
export function createStanding(client: EesClient, notes: string[]) {
  const known = new Map<string, Promise<boolean | undefined>>();
  const ask = createRoute(
    notes,
    (title) => `Whether the official API has withdrawn the data set of "${title}" is not known`,
    'data sets',
  );
  return async (id: string, title: string): Promise<boolean> => {
    const asked =
      known.get(id) ??
      ask(title, () =>
        client.get('official', `/data-sets/${id}`, answers.dataSet).then(
          () => false,
          (error: unknown) => {
            if (error instanceof EesRefusedError && error.status === 403) return true;
            throw error;
          },
        ),
      );
    known.set(id, asked);
    return (await asked) === true;
  };
}
