/** A mail as its two templates read it: every field there, every text ready. */
import { COUNT_OF, isRate, MEASURE_WORDS, type Measure, type Rate } from '../domain/measure.js';
import { momentWords, periodWords, symbolWords, TOLD_OF } from './brief-words.js';
import type { Brief, ReleaseFacts, TableRow } from './brief-model.js';
import { CHART_WIDTH } from './chart.js';
import type { MailModel, MailNews, MailSection } from './mail-model.js';
import { subjectOf } from './mail-subject.js';
import { byLead, inTime, isLatest, leading } from './mail-order.js';
import { withOnePrecision } from './mail-precision.js';
import { comparePosition } from './rule-state.js';
import {
  byImportance,
  differenceWords,
  eventLabel,
  figureWords,
  isAbolished,
  lineWords,
  valueWords,
  whoWords,
} from './mail-news.js';
import { ruleWords } from './rule-words.js';

/** So many areas are told in the mail itself; the rest is in the attached CSV. */
const MOST_AREAS = 25;

export interface MailView {
  readonly subject: string;
  /** First words in the list of mails: what the subject does not say. */
  readonly preheader: string;
  /** COMPOSED, follow-up: what kind of mail this is. */
  readonly banners: readonly string[];
  readonly summary: readonly SummaryRow[];
  readonly moreAreas: string;
  readonly sections: readonly SectionView[];
  readonly notices: readonly string[];
  readonly definitions: readonly string[];
  readonly rules: readonly string[];
  readonly owner: string;
  readonly sources: readonly SourceView[];
  readonly licence: { readonly text: string; readonly url: string } | null;
  readonly foot: readonly string[];
}

/** One event, or one figure of a brief without an event, told so that it can be read alone. */
export interface SummaryRow {
  readonly who: string;
  readonly event: string;
  readonly measure: string;
  readonly value: string;
  /** Both together: 'severe absence 2.1%', '2 severely absent pupils'. */
  readonly figure: string;
  /** '0.6 points above England', where a rule is about a difference; else empty. */
  readonly difference: string;
  /** '2.0%', '0.5 points above England'; empty where there is no rule. */
  readonly line: string;
  /** Name of the rule, or empty. */
  readonly rule: string;
}

export interface SectionView {
  readonly heading: string;
  readonly news: readonly { readonly label: string; readonly reason: string; readonly rule: string }[];
  readonly paragraphs: readonly string[];
  readonly table: {
    readonly caption: string;
    /** Figures of some schools or pupils say so once more where the caption is not above them. */
    readonly captionInText: boolean;
    readonly now: string;
    /** Empty where nothing stands for the year before: neither it nor a change has a column. */
    readonly before: string;
    readonly groups: readonly TableGroup[];
  } | null;
  readonly chart: { readonly cid: string; readonly alt: string; readonly width: number } | null;
  /** What of a rule the chart cannot show, or empty. */
  readonly chartNote: string;
  readonly ended: string;
}

export interface TableGroup {
  readonly measure: string;
  readonly rows: readonly Pick<TableRow, 'place' | 'now' | 'before' | 'change'>[];
}

export interface SourceView {
  readonly text: string;
  readonly url: string;
}

const LICENCE_URL = 'https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/';

/** The most important section first, then by name. */
export function inOrder(sections: readonly MailSection[]): readonly MailSection[] {
  const first = (section: MailSection): MailNews | undefined => leading(section.news)[0];
  return [...sections].sort((a, b) => {
    const [newsA, newsB] = [first(a), first(b)];
    if (newsA !== undefined && newsB !== undefined) return byLead(newsA, newsB);
    if (newsA !== undefined || newsB !== undefined) return newsA === undefined ? 1 : -1;
    return a.area.name.localeCompare(b.area.name, 'en') || a.series.localeCompare(b.series, 'en');
  });
}

/**
 * The sections that are told in the mail itself: the most important, and every brief that was asked for, since the
 * attached file holds events alone.
 */
export function shownOf(sections: readonly MailSection[]): readonly MailSection[] {
  return sections.filter(({ news }, position) => position < MOST_AREAS || news.length === 0);
}

/** The address of a chart inside the mail. */
export function chartCid(position: number, model: MailModel): string {
  return `chart${position + 1}@${domainOf(model)}`;
}

/** What stands behind the @ of the sender. */
export function domainOf(model: MailModel): string {
  return model.from.address.slice(model.from.address.lastIndexOf('@') + 1).toLowerCase();
}

const FOLLOW_UP: Record<NonNullable<MailModel['followUp']>, string> = {
  'told before': 'Follow-up: an earlier mail on this release went to you before; this came later.',
  'held back':
    'Follow-up: a check held back figures of this mail when they came; they were looked at and accepted since, so they are told later.',
};

/** @param model cleaned: no control characters in any text */
export function viewOf(model: MailModel): MailView {
  const sections = inOrder(model.sections.map(withOnePrecision));
  const news = sections.flatMap((section) => section.news).sort(byImportance);
  const shown = shownOf(sections);
  const hidden = sections.filter((section) => !shown.includes(section));
  const subject = subjectOf(model, sections);
  return {
    subject,
    preheader: shown[0]?.brief?.paragraphs[0]?.sentences[0]?.text ?? news[0]?.reason ?? lackingWords(shown[0])[0] ?? '',
    banners: [
      ...(model.composed
        ? ['COMPOSED: these figures are made up to show how the program works. They are no statistics.']
        : []),
      ...(model.followUp === undefined ? [] : [FOLLOW_UP[model.followUp]]),
    ],
    summary: shown.length === 1 && news.length === 0 ? [] : [...newsRows(shown), ...shown.flatMap(quietRows)],
    moreAreas: moreAreas(hidden, sections),
    sections: shown.map((section, i) => sectionView(section, i, model)),
    notices: model.notices,
    definitions: definitions(shown),
    rules: [...new Set(news.map((one) => `${one.rule}: ${ruleWords(one)}.`))],
    owner: model.owner === undefined ? '' : `Who owns these lines: ${model.owner}.`,
    sources: sources(shown),
    licence: model.composed
      ? null
      : { text: 'Figures: Department for Education, under the Open Government Licence v3.0.', url: LICENCE_URL },
    foot: foot(model, news),
  };
}

/** What the mail has no room for; an area may have several sections, one for each series, school type and pupil group. */
function moreAreas(hidden: readonly MailSection[], sections: readonly MailSection[]): string {
  if (hidden.length === 0) return '';
  const areas = (some: readonly MailSection[]): number => new Set(some.map(({ area }) => area.code)).size;
  const more = areas(hidden);
  const told = areas(sections.filter(({ news }) => news.length > 0));
  const where = `in the attached file alerts.csv, which holds every event of ${told} ${told === 1 ? 'area' : 'areas'}`;
  return more === areas(sections) - areas(sections.filter((section) => !hidden.includes(section)))
    ? `${more} more ${more === 1 ? 'area is' : 'areas are'} ${where}.`
    : `More on ${more} ${more === 1 ? 'area' : 'areas'} is ${where}.`;
}

/** The most important first; events of several periods of a section stay together, in order of time. */
function newsRows(sections: readonly MailSection[]): readonly SummaryRow[] {
  const units = sections.flatMap((section) => {
    const news = inTime(section.news);
    const apart = news.some((one) => !isOfHeading(section, one)) || news.some((one) => isLatest(one, news));
    return apart ? [{ section, news }] : news.map((one) => ({ section, news: [one] }));
  });
  return units
    .map((unit) => ({ ...unit, lead: leading(unit.news)[0] }))
    .sort((a, b) => (a.lead === undefined || b.lead === undefined ? 0 : byLead(a.lead, b.lead)))
    .flatMap(({ section, news }) => news.map((one) => newsRow(section, one)));
}

/** The period that a section is headed by. */
function headingPeriod({ brief, news, lacking }: MailSection): string {
  if (lacking !== undefined) return periodWords(lacking);
  const newest = [...news].sort(comparePosition).at(-1);
  return brief?.periodWords ?? (newest === undefined ? '' : periodWords(newest.period, newest.asOf));
}

function isOfHeading(section: MailSection, { event, period, asOf }: MailNews): boolean {
  return event === 'area ended' || periodWords(period, asOf) === headingPeriod(section);
}

/** What happened; when, where it is not of the section's period; and of several events of an alert which one is the latest. */
function labelOf(section: MailSection, news: MailNews): string {
  const when = periodWords(news.period, news.asOf);
  const dated = isOfHeading(section, news) ? '' : `, ${when}`;
  const latest = isLatest(news, section.news) ? ', the latest of this rule' : '';
  return `${eventLabel(news)}${dated}${latest}`;
}

function newsRow(section: MailSection, news: MailNews): SummaryRow {
  return {
    who: whoWords(news),
    event: labelOf(section, news),
    measure: MEASURE_WORDS[news.measure],
    value: valueWords(news),
    figure: figureWords(news),
    difference: differenceWords(news),
    line: lineWords(news),
    rule: news.rule,
  };
}

/** The figures of an area on which there is a brief and no news. */
function quietRows(section: MailSection): readonly SummaryRow[] {
  const { news, brief } = section;
  if (section.lacking !== undefined)
    return [
      {
        ...{ who: whoWords(section), event: `No figure for ${periodWords(section.lacking)} in this release` },
        ...{ measure: 'pupil absence', value: 'no figure', figure: 'pupil absence, no figure' },
        ...{ difference: '', line: '', rule: '' },
      },
    ];
  if (news.length > 0 || brief === undefined) return [];
  return brief.table.rows
    .filter(({ place, measure }) => place === brief.area.name && measure in TOLD_OF)
    .map(({ measure, now, values }) => {
      const words = MEASURE_WORDS[measure];
      const value = values.now === null ? 'no figure' : now;
      return {
        who: whoWords(section),
        event: quietEvent(section, measure, values.now === null ? now : undefined),
        measure: words,
        value,
        figure: values.now === null ? `${words}, no figure` : `${words} ${now}`,
        ...{ difference: '', line: '', rule: '' },
      };
    });
}

/** What there is to say of a figure without news; a figure that is no number closes no alert. */
function quietEvent({ open = [] }: MailSection, measure: Measure, symbol: string | undefined): string {
  const rules = open.filter((one) => one.measure === measure || COUNT_OF[one.measure as Rate] === measure);
  const alerts = rules.map(({ rule }) => rule).join(', ');
  const one = rules.length === 1;
  if (symbol === undefined) {
    const names = (between: boolean): string =>
      rules.flatMap(({ rule, betweenLines = false }) => (betweenLines === between ? [rule] : [])).join(', ');
    const [past, between] = [names(false), names(true)];
    return rules.length === 0
      ? 'No line crossed'
      : [
          'No line crossed anew',
          past === '' ? '' : `still past the line of ${past}`,
          between === '' ? '' : `no longer past the line of ${between}, not yet clear`,
        ]
          .filter((part) => part !== '')
          .join('; ');
  }
  const withheld = capital(symbolWords(symbol));
  return rules.length === 0
    ? withheld
    : `${withheld}; the ${one ? 'alert' : 'alerts'} of ${alerts} ${one ? 'stays' : 'stay'} open`;
}

/** What a section says of a figure that the release does not have. */
function lackingWords(section: MailSection | undefined): readonly string[] {
  if (section?.lacking === undefined) return [];
  const release = section.releases?.at(-1);
  return [
    `${release === undefined ? 'This release' : `The release “${release.title}”`} has no figure for ${section.area.name} in ${periodWords(section.lacking)}, though it has one for other areas like it. Once there is a figure, a brief follows.`,
  ];
}

function sectionView(section: MailSection, position: number, model: MailModel): SectionView {
  const { brief, chart } = section;
  const ended = section.news.some(isAbolished);
  const when = ended ? 'no longer published' : headingPeriod(section);
  return {
    heading: when === '' ? whoWords(section) : `${whoWords(section)}, ${when}`,
    news: inTime(section.news).map((one) => ({
      label: labelOf(section, one),
      reason: sentence(one.reason),
      rule: one.rule,
    })),
    paragraphs:
      brief?.paragraphs.map(({ sentences }) => sentences.map(({ text }) => text).join(' ')) ?? lackingWords(section),
    table: brief === undefined || brief.table.rows.length === 0 ? null : tableView(section, brief),
    chart: chart === undefined ? null : { cid: chartCid(position, model), alt: chart.alt, width: CHART_WIDTH },
    chartNote: chart === undefined ? '' : chartNote(section),
    ended: brief?.periodEnded ?? '',
  };
}

/** A chart of rates has no place for a line of a count. */
function chartNote({ news, brief }: MailSection): string {
  const counts = news.filter(({ measure }) => !isRate(measure));
  const measure = brief?.chart?.measure;
  const [first] = counts;
  if (first === undefined || measure === undefined) return '';
  const lines = [...new Set(counts.map(lineWords))].join(', ');
  return `The chart shows the rate, ${MEASURE_WORDS[measure]}; your line of ${lines} is one of ${MEASURE_WORDS[first.measure]} and is not drawn.`;
}

/** With a capital and a full stop. */
function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

function tableView(section: MailSection, brief: Brief): SectionView['table'] {
  const measures = [...new Set(brief.table.rows.map(({ measure }) => measure))];
  return {
    caption: `${whoWords(section)}, ${brief.periodWords}: rates${brief.table.beforeHeading === undefined ? '' : ', and change in percentage points'}`,
    captionInText: section.schoolType !== 'Total' || section.topic !== 'Total',
    now: brief.table.nowHeading,
    before: brief.table.beforeHeading ?? '',
    groups: measures.map((measure) => ({
      measure: capital(MEASURE_WORDS[measure]),
      rows: brief.table.rows.filter((row) => row.measure === measure),
    })),
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** DfE's definitions of what the mail speaks of. */
function definitions(sections: readonly MailSection[]): readonly string[] {
  const measures = new Set<Measure>(
    sections.flatMap((section) => [
      ...section.news.map(({ measure }) => measure),
      ...(section.brief?.table.rows.map(({ measure }) => measure) ?? []),
    ]),
  );
  const speaksOf = (...some: readonly Measure[]): boolean => some.some((measure) => measures.has(measure));
  return [
    ...(speaksOf('persistent_absence_rate', 'persistent_absentees')
      ? ['Persistent absence: missing 10% or more of possible sessions.']
      : []),
    ...(speaksOf('severe_absence_rate', 'severe_absentees')
      ? [
          'Severe absence: missing 50% or more of possible sessions. Every severely absent pupil also counts as persistently absent.',
        ]
      : []),
    ...(speaksOf('overall_absence_rate', 'authorised_absence_rate', 'unauthorised_absence_rate')
      ? ['Overall, authorised and unauthorised absence: the share of possible sessions missed.']
      : []),
    'Pupil enrolments are counted: a pupil enrolled at two schools counts twice.',
  ];
}

function sources(sections: readonly MailSection[]): readonly SourceView[] {
  const all = new Map<string, SourceView>();
  for (const release of sections.flatMap(({ brief, releases }) => brief?.releases ?? releases ?? [])) {
    const text = sourceText(release);
    if (!all.has(text)) all.set(text, { text, url: webAddress(release.url) });
  }
  return [...all.values()];
}

/** A version taken while EES's official API was away counts 0.0.0 until its number is known: no reader can look that up. */
function versionWords(version: string): string {
  return version.startsWith('0.') ? 'its version number not yet known' : `version ${version}`;
}

function sourceText(release: ReleaseFacts): string {
  const status = release.status === undefined ? '' : ` (${release.status})`;
  return `${release.publication}, release “${release.title}”${status}, published ${momentWords(release.publishedAt)}, data set “${release.dataSet}”, ${versionWords(release.version)}.`;
}

/** Only addresses of the web become links. */
function webAddress(url: string | undefined): string {
  return url !== undefined && /^https?:\/\/[^\s<>"]+$/i.test(url) ? url : '';
}

function foot(model: MailModel, news: readonly MailNews[]): readonly string[] {
  const groups = model.groups.map((group) => `“${group}”`).join(', ');
  const ask = model.owner ?? model.replyTo?.address ?? model.from.address;
  return [
    `You get this mail because ${model.to} is in the recipient ${model.groups.length === 1 ? 'group' : 'groups'} ${groups} of Absence watch, ${
      news.length > 0 ? 'which these rules notify' : 'which gets a brief at each release'
    }.`,
    `Questions: ${ask}.`,
    'To stop these mails, ask there to have your address taken out of the group; one alert alone can be silenced until a date.',
    ...(model.silenced === 0
      ? []
      : [
          `${model.silenced} ${model.silenced === 1 ? 'event was' : 'events were'} silenced and ${model.silenced === 1 ? 'is' : 'are'} not in this mail.`,
        ]),
  ];
}
