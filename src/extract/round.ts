/** The round of the official API: what only it knows, a step at each poll. */
import { EesRefusedError } from './errors.js';
import { filesOf, type PublicationMemo } from './memory.js';
import { askWhyMissing, lookAtDataSets } from './official.js';
import type { Survey } from './survey.js';
import { lookAtVersions } from './versions.js';

/**
 * One step of the round of the official API: a list of data sets, or one page of the versions of a data set of ours. With
 * the website well, every new release, amendment and version shows in its listing within one poll; what only the official
 * API knows is its own bookkeeping (a version or data set withdrawn or deprecated, a successor named). No single official
 * request tells that for all data sets (`/publications` carries a display date and is an index that lags), so each poll
 * takes one step, and a change of standing is noticed within one round. That keeps a quiet poll at two requests.
 * @param lost publications that the website does not serve: their lists were read before this
 * @param others further steps of the round
 */
export async function takeStep(
  survey: Survey,
  publications: readonly PublicationMemo[],
  lost: ReadonlySet<PublicationMemo>,
  others: readonly (() => Promise<void>)[],
): Promise<void> {
  if (await askNumber(survey, publications)) return;
  const steps = [
    ...publications.flatMap((publication) => stepsOf(survey, publication, lost.has(publication))),
    ...others,
  ];
  const first = survey.memory.turn % Math.max(1, steps.length);
  const taken = survey.options.thorough ? steps : steps.slice(first, first + 1);
  survey.memory.turn = (first + taken.length) % Math.max(1, steps.length);
  for (const step of taken) await step();
}

/** In the place of a step: the versions of a data set that was taken from the website while the official API was away. */
async function askNumber(survey: Survey, publications: readonly PublicationMemo[]): Promise<boolean> {
  for (const publication of publications) {
    const id = filesOf(publication).find(({ unnumbered }) => unnumbered === true)?.apiId;
    if (id === undefined) continue;
    await lookAtPage(survey, publication, id, 1);
    for (const file of filesOf(publication)) if (file.apiId === id) delete file.unnumbered;
    return true;
  }
  return false;
}

/** A page of the versions of a data set; one that is refused may have been withdrawn. */
async function lookAtPage(survey: Survey, publication: PublicationMemo, id: string, page: number): Promise<void> {
  try {
    await lookAtVersions(survey, publication, id, false, [page]);
  } catch (error) {
    if (!(error instanceof EesRefusedError) || error.status !== 403) throw error;
    await askWhyMissing(survey, publication, id, false, false);
  }
}

/** @param isRead whether the list of data sets was read in this look around */
function stepsOf(survey: Survey, publication: PublicationMemo, isRead: boolean): (() => Promise<void>)[] {
  if (publication.eesId === undefined) return [];
  const versions = Object.entries(publication.dataSets)
    .filter(([, { ours, status }]) => ours && status !== 'Withdrawn')
    .flatMap(([id, { pages }]) =>
      Array.from({ length: pages }, (_, index) => async () => {
        if (index === 0 && survey.versionsAsked.has(id)) return;
        await lookAtPage(survey, publication, id, index + 1);
      }),
    );
  const elsewhere = Object.entries(publication.dataSets)
    .filter(([, memo]) => memo.elsewhere === true && memo.status !== 'Withdrawn')
    .map(
      ([id]) =>
        () =>
          askWhyMissing(survey, publication, id, false, false),
    );
  return [...(isRead ? [] : [() => lookAtDataSets(survey, publication, false), ...elsewhere]), ...versions];
}
