/** The subject of a mail. */
import { periodWords } from './brief-words.js';
import type { MailModel, MailSection } from './mail-model.js';
import { newsLine } from './mail-news.js';
import { leading } from './mail-order.js';

/** The subject of a mail: the newest and most important news, how much more there is, and what kind of mail it is. */
export function subjectOf(model: MailModel, sections: readonly MailSection[]): string {
  const news = sections.flatMap((section) => section.news);
  const quiet = sections.filter((section) => section.news.length === 0);
  const first = leading(news)[0];
  // A brief beside news is no more of it: its figures stand in the table in short.
  const more = (news.length > 0 ? news.length : quiet.length) - 1;
  const head = first === undefined ? briefLine(quiet[0]) : newsLine(first);
  return [
    model.composed ? 'COMPOSED: ' : '',
    model.followUp === undefined ? '' : 'Follow-up: ',
    news.length > 0 && news.every(({ event }) => event === 'baseline') ? 'First look: ' : '',
    first?.event === 'corrected' ? 'Correction: ' : '',
    head,
    more > 0 ? `, and ${more} more` : '',
  ].join('');
}

function briefLine(section: MailSection | undefined): string {
  if (section?.brief === undefined) {
    const when = section?.lacking === undefined ? '' : ` (${periodWords(section.lacking)})`;
    return `${section?.area.name ?? 'Pupil absence'}: no figure in this release${when}`;
  }
  return `${section.brief.headline} (${section.brief.periodWords})`;
}
