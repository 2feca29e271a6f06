/** The round of the official API: what only it knows, a step at each poll. */
import { EesRefusedError } from './errors.js';
import { filesOf, type PublicationMemo } from './memory.js';
import { askWhyMissing, lookAtDataSets } from './official.js';
import type { Survey } from './survey.js';
import { lookAtVersions } from './versions.js';

/** ms between two steps while the lists of data sets are read at every poll in place of the website's listing. */
const STEP_BESIDE_LISTS_MS = 3_600_000;

/**
 * One step of the round of the official API: a list of data sets, or one page of the versions of a data set of ours. With
 * the website well, every new release, amendment and version shows in its listing within one poll; what only the official
 * API knows is its own bookkeeping (a version or data set withdrawn or deprecated, a successor named). No single official
 * request tells that for all data sets (`/publications` carries a display date and is an index that lags), so each poll
 * takes one step, and a change of standing is noticed within one round. That keeps a quiet poll at two requests.
 *
 * Where the website does not serve a publication, its list of data sets is what every poll must ask, for everything that
 * is published shows in it. Where it serves none (its listing is gone), a step is taken once an hour beside those lists, so
 * that a quiet poll is no dearer than before and a change of standing is still noticed; where it serves others, their round
 * goes on at each poll, and the list of the missing one is one request more.
 * @param lost publications that the website does not serve: their lists were read before this
 * @param others further steps of the round
 * @param wasAsked whether this look around has asked the official API already
 */
export async function takeStep(
  survey: Survey,
  publications: readonly PublicationMemo[],
  lost: ReadonlySet<PublicationMemo>,
  others: readonly (() => Promise<void>)[],
  wasAsked: boolean,
): Promise<void> {
  const { client, memory, options } = survey;
  if (await askNumber(survey, publications)) return;
  // Either way round: a clock that was ahead for one run must not put off steps for as long.
  const isSoon = Math.abs(client.now() - Date.parse(memory.steppedAt)) < STEP_BESIDE_LISTS_MS;
  const servesNone = publications.every((publication) => lost.has(publication));
  if (servesNone && wasAsked && isSoon && !options.thorough) return;
  const steps = [
    ...publications.flatMap((publication) => stepsOf(survey, publication, lost.has(publication))),
    ...others,
  ];
  const first = memory.turn % Math.max(1, steps.length);
  const taken = options.thorough ? steps : steps.slice(first, first + 1);
  memory.turn = (first + taken.length) % Math.max(1, steps.length);
  memory.steppedAt = new Date(client.now()).toISOString();
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
