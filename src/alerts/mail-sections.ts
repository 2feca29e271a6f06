/** The sections of a mail: what each is about, and its brief, chart and releases as the database has them now. */
import type { Kysely } from 'kysely';
import { COUNT_OF, isRate, RATES } from '../domain/measure.js';
import { periodOf } from '../domain/period.js';
import type { Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import { composeBrief, type BriefOptions } from './brief.js';
import { gatherBrief, type BriefWanted, type SharedReads } from './brief-facts.js';
import type { Brief, BriefArea } from './brief-model.js';
import { NoFiguresError } from './brief-period.js';
import { renderChart, type RenderedChart } from './chart.js';
import { releasesOfVersions, type OwedBrief, type RecordedNews } from './compose-read.js';
import type { MailSection } from './mail-model.js';
import { placesOf } from './mail-news.js';
import { leading } from './mail-order.js';
import { newsPlaces } from './mail-precision.js';
import { inOrder, shownOf } from './mail-view.js';
import { standingsOf, standsBetweenLines } from './standing.js';

/** What one area's section tells, before it is told. */
export interface Draft extends MailSection {
  readonly areaId: number;
  readonly wanted: BriefWanted;
  /** Versions that it tells of. */
  readonly versionIds: readonly number[];
}

/** One draft for each area, series, school type and pupil group in the news, on the newest period among it. */
export function newsDrafts(
  recorded: readonly (Pick<RecordedNews, 'areaId' | 'news'> & { readonly versionId: number | undefined })[],
): Draft[] {
  const drafts = new Map<string, Draft>();
  for (const { areaId, news, versionId } of recorded) {
    const slice = { schoolType: news.schoolType, topic: news.topic, breakdown: news.breakdown };
    const key = JSON.stringify([areaId, news.series, slice]);
    const before = drafts.get(key);
    const all = [...(before?.news ?? []), news];
    const newest = all.reduce((best, one) => (one.period.sort > best.period.sort ? one : best));
    drafts.set(key, {
      ...{ areaId, area: news.area, series: news.series, ...slice, news: all, brief: undefined, chart: undefined },
      versionIds: [...new Set([...(before?.versionIds ?? []), ...(versionId === undefined ? [] : [versionId])])],
      wanted: {
        series: news.series,
        timePeriod: newest.period.timePeriod,
        timeIdentifier: newest.period.timeIdentifier,
        slice,
      },
    });
  }
  return [...drafts.values()];
}

type Place = Pick<Draft, 'areaId' | 'series' | 'schoolType' | 'topic' | 'breakdown'>;

/** Figures of one area, series, school type and pupil group: the sections of a mail mix none of them. */
export function tellsTheSame(one: Place, other: Place): boolean {
  return (
    one.areaId === other.areaId &&
    one.series === other.series &&
    one.schoolType === other.schoolType &&
    one.topic === other.topic &&
    one.breakdown === other.breakdown
  );
}

/** The alerts of some rules that stand open on the newest figures of a section. */
export async function openAlerts(
  db: Kysely<Database>,
  draft: Draft,
  rules: readonly Rule[],
): Promise<NonNullable<MailSection['open']>> {
  return (await standingsOf(db, draft.areaId, rules))
    .filter((one) => one.inBreach === true && tellsTheSame(draft, { ...one, areaId: draft.areaId }))
    .map((one) => ({ rule: one.rule.name, measure: one.rule.measure, betweenLines: standsBetweenLines(one) }));
}

async function areaOf(db: Kysely<Database>, areaId: number): Promise<BriefArea> {
  const row = await db.selectFrom('area').selectAll().where('id', '=', areaId).executeTakeFirstOrThrow();
  return { name: row.name, level: row.level, code: row.code, regionName: row.region_name ?? undefined };
}

/** A section that says that the release has no figure; undefined where its series or period is known no more. */
export async function lackingDraft(
  db: Kysely<Database>,
  areaId: number,
  { lacking, versionIds }: Pick<OwedBrief, 'versionIds'> & { readonly lacking: NonNullable<OwedBrief['lacking']> },
): Promise<Draft | undefined> {
  const series = await db.selectFrom('series').select('name').where('id', '=', lacking.seriesId).executeTakeFirst();
  const row = await db.selectFrom('period').selectAll().where('id', '=', lacking.periodId).executeTakeFirst();
  const period = row === undefined ? undefined : periodOf(row.time_period, row.time_identifier);
  if (series === undefined || period === undefined) return undefined;
  return {
    ...{ areaId, area: await areaOf(db, areaId), series: series.name, versionIds, lacking: period },
    ...{ schoolType: 'Total', topic: 'Total', breakdown: 'Total' },
    ...{ news: [], brief: undefined, chart: undefined, wanted: {} },
  };
}

export async function briefDraft(db: Kysely<Database>, areaId: number, wanted: BriefWanted): Promise<Draft> {
  const area = await areaOf(db, areaId);
  const facts = await ifAny(gatherBrief(db, areaId, wanted));
  const slice = { schoolType: facts?.schoolType ?? 'Total', topic: 'Total', breakdown: 'Total' };
  const none = { news: [], versionIds: [], brief: undefined, chart: undefined };
  return { areaId, area, series: facts?.series ?? '', ...slice, ...none, wanted };
}

export interface SectionSettings {
  /** DfE's three digits of an authority to those of its statistical neighbours. */
  readonly neighbours: ReadonlyMap<string, readonly string[]>;
  /** The figures are composed (demo): subject, body and charts say so. */
  readonly composed: boolean;
}

/** What the mails of one moment share. */
export interface Moment {
  readonly told: Map<string, Told>;
  readonly reads: SharedReads;
}

export function newMoment(): Moment {
  return { told: new Map(), reads: new Map() };
}

interface Told {
  readonly brief: Brief | undefined;
  readonly chart: RenderedChart | undefined;
}

/** Briefs and charts for the sections that the mail itself has room for; recipients of the same news share them. */
export async function tellSections(
  db: Kysely<Database>,
  drafts: readonly Draft[],
  settings: SectionSettings,
  moment: Moment,
): Promise<MailSection[]> {
  const sections: MailSection[] = [];
  const shown = new Set(shownOf(inOrder(drafts)));
  for (const draft of drafts) {
    const { areaId, wanted, versionIds, ...section } = draft;
    if (!shown.has(draft)) {
      sections.push(section);
      continue;
    }
    if (section.lacking !== undefined || section.news.some(({ event }) => event === 'area ended')) {
      sections.push({ ...section, releases: await releasesOfVersions(db, versionIds) });
      continue;
    }
    const options = briefOptions(section, settings.composed);
    const key = JSON.stringify([
      areaId,
      wanted.series,
      wanted.timePeriod,
      wanted.timeIdentifier,
      wanted.slice,
      wanted.release,
      options,
    ]);
    const asked = { ...wanted, neighbours: settings.neighbours, shared: moment.reads };
    const telling = moment.told.get(key) ?? (await tell(db, areaId, asked, options));
    moment.told.set(key, telling);
    const releases = telling.brief === undefined ? await releasesOfVersions(db, versionIds) : [];
    sections.push({ ...section, ...telling, releases });
  }
  return sections;
}

/** The rule's measure first, its line in the chart, and its figure with as many decimals as the line asks for. */
function briefOptions(section: MailSection, composed: boolean): BriefOptions {
  const first = leading(section.news)[0];
  if (first === undefined) return { composed };
  const atLeast = newsPlaces(section.news);
  // A count has no chart: the rate of the same pupils is told and drawn first.
  if (!isRate(first.measure)) {
    const rate = RATES.find((one) => COUNT_OF[one] === first.measure);
    return { composed, atLeast, ...(rate === undefined ? {} : { focus: rate }) };
  }
  const level = first.condition?.kind === 'above' || first.condition?.kind === 'below';
  return {
    focus: first.measure,
    composed,
    atLeast,
    ...(level && first.threshold !== null ? { threshold: Number(first.threshold), places: placesOf(first) } : {}),
  };
}

async function tell(db: Kysely<Database>, areaId: number, wanted: BriefWanted, options: BriefOptions): Promise<Told> {
  const facts = await ifAny(gatherBrief(db, areaId, wanted));
  if (facts === undefined) return { brief: undefined, chart: undefined };
  const brief = composeBrief(facts, options);
  return { brief, chart: brief.chart === undefined ? undefined : await renderChart(brief.chart) };
}

/** An event whose figures are gone (withdrawn, removed) is still told, without a brief. */
async function ifAny<T>(facts: Promise<T>): Promise<T | undefined> {
  try {
    return await facts;
  } catch (error) {
    if (error instanceof NoFiguresError) return undefined;
    throw error;
  }
}
