/**
 * Publications of Explore Education Statistics by slug, for files that name theirs by the slug alone: the title and the
 * status of its statistics, as its pages on explore-education-statistics.service.gov.uk give them.
 */
const KNOWN: Readonly<Record<string, { readonly title: string; readonly status: string }>> = {
  'pupil-absence-in-schools-in-england': {
    title: 'Pupil absence in schools in England',
    status: 'accredited official statistics',
  },
  'pupil-absence-in-schools-in-england-autumn-term': {
    title: 'Pupil absence in schools in England: autumn term',
    status: 'accredited official statistics',
  },
  'pupil-absence-in-schools-in-england-autumn-and-spring-terms': {
    title: 'Pupil absence in schools in England: autumn and spring terms',
    status: 'accredited official statistics',
  },
  'pupil-attendance-in-schools': { title: 'Pupil attendance in schools', status: 'official statistics' },
};

/** @param title as stored: the slug again where nobody told another */
export function publicationTitle(slug: string, title: string | undefined): string {
  return title === undefined || title === slug ? (KNOWN[slug]?.title ?? slug) : title;
}

/** @param status as published with a release; undefined where that is not known */
export function publicationStatus(slug: string, status: string | undefined): string | undefined {
  return status ?? KNOWN[slug]?.status;
}
