/** Reads from the views what a brief is told from. */
import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import { londonPartOf } from '../domain/authorities.js';
import { MEASURES, type Measure } from '../domain/measure.js';
import { academicYearLabel, periodOf, type Period } from '../domain/period.js';
import { publicationStatus, publicationTitle } from '../domain/publications.js';
import { ukDay } from '../domain/time.js';
import type { AbsenceView, Database } from '../load/schema.js';
import type { BriefFacts, FigureRow, GroupFacts, ReleaseFacts } from './brief-model.js';
import { ALL_PUPILS, choosePeriod, historyOf, NoFiguresError } from './brief-period.js';

/** School type, topic and breakdown of figures that belong together, as in the view; 'Total' for all. */
export interface Slice {
  readonly schoolType: string;
  readonly topic: string;
  readonly breakdown: string;
}

export interface BriefWanted {
  /** Slug or title of a release; without it the newest figures of a finished period, else the newest of all. */
  readonly release?: string | undefined;
  readonly series?: string | undefined;
  /** The period told, as in the view: ('202425', 'Autumn and spring term'). */
  readonly timePeriod?: string | undefined;
  readonly timeIdentifier?: string | undefined;
  /** Only these schools and pupils; without it all pupils, of all schools together where the area has such figures. */
  readonly slice?: Slice | undefined;
  /** DfE's three digits of an authority to those of its statistical neighbours, nearest first. */
  readonly neighbours?: ReadonlyMap<string, readonly string[]> | undefined;
  /** Figures that briefs on other areas want too; for the briefs of one moment. */
  readonly shared?: SharedReads | undefined;
}

/** What was read of England and of all authorities, by what was asked; not to be used on after a question that failed. */
export type SharedReads = Map<string, Promise<readonly KeyedRow[]>>;

interface KeyedRow {
  readonly row: FigureRow;
  readonly oldLaCode: string | null;
}

/** Pupil groups of a brief, in this order; then school types. */
const GROUPS = [
  { topic: 'SEN provision', breakdown: 'EHC plan', schoolType: 'Total' },
  { topic: 'SEN provision', breakdown: 'SEN support', schoolType: 'Total' },
  { topic: 'FSM eligibility', breakdown: 'FSM eligible', schoolType: 'Total' },
  { topic: 'Total', breakdown: 'Total', schoolType: 'State-funded primary' },
  { topic: 'Total', breakdown: 'Total', schoolType: 'State-funded secondary' },
  { topic: 'Total', breakdown: 'Total', schoolType: 'Special' },
  { topic: 'Total', breakdown: 'Total', schoolType: 'Alternative provision' },
] as const;

/** The same point of a running year: attendance is published every fortnight, holidays shift by a week. */
const SAME_POINT_DAYS = 10;

const YEAR_OF_WEEKS = 364;

const DAY_MS = 86_400_000;

export type View = Kysely<Database>;

export type Rows = SelectQueryBuilder<Database, 'absence', AbsenceView>;

/**
 * The facts of a brief on one area, from the view `absence` (and `absence_history` for the same point of earlier years).
 * @param areaId row of the table `area`
 * @throws NoFiguresError where the area has no figure of the kind wanted
 */
export async function gatherBrief(db: View, areaId: number, wanted: BriefWanted = {}): Promise<BriefFacts> {
  const area = await db.selectFrom('area').selectAll().where('id', '=', areaId).executeTakeFirst();
  if (area === undefined) throw new NoFiguresError(`There is no area with the number ${areaId} in the database.`);
  const here = (): Rows => ofArea(db, area.level, area.code);
  const told = await choosePeriod(db, here(), area, wanted);
  const { series, schoolType, period } = told;
  const upTo = (rows: readonly FigureRow[]): FigureRow[] =>
    rows.filter((row) => row.period.sort <= period.sort).sort((a, b) => a.period.sort - b.period.sort);
  const { topic, breakdown } = wanted.slice ?? ALL_PUPILS;
  const slice: Slice = { schoolType, topic, breakdown };
  const total = (rows: Rows): Rows =>
    rows
      .where('series', '=', series)
      .where('school_type', '=', schoolType)
      .where('breakdown_topic', '=', topic)
      .where('breakdown', '=', breakdown);

  const own = upTo(await read(total(here())));
  const asOf = own.at(-1)?.asOf;
  const runningAt = period.kind === 'year to date' ? asOf : undefined;
  const history = async (level: string, code: string, rows: readonly FigureRow[]): Promise<FigureRow[]> =>
    runningAt === undefined
      ? [...rows]
      : samePoint(runningAt, rows, await pastOf(db, { level, code, series, ...slice, upTo: rows.at(-1) }));
  const past =
    runningAt === undefined
      ? []
      : await pastOf(db, { level: area.level, code: area.code, series, ...slice, upTo: own.at(-1) });
  const regionCode = area.level === 'Regional' || area.level === 'National' ? null : area.region_code;
  const regional = async (code: string): Promise<readonly FigureRow[]> => {
    const rows = upTo(await read(total(ofArea(db, 'Regional', code))));
    return samePeriodLast(await history('Regional', code, rows), period);
  };
  const whole = regionCode === null ? [] : await regional(regionCode);
  // Files up to 2023/24 have no row on London, but one each on Inner and Outer London.
  const part = regionCode === null || whole.length > 0 ? undefined : londonPartOf(area.old_la_code);
  const region = part === undefined ? whole : await regional(part.code);
  const regionName = region.length > 0 && part !== undefined ? part.name : (area.region_name ?? undefined);
  const englandRows =
    area.level === 'National'
      ? []
      : upTo(await read(total(ofLevel(db, 'National')), sharing(wanted, ['National', series, slice])));
  const inPeriod = (rows: Rows): Rows =>
    rows.where('time_period', '=', period.timePeriod).where('time_identifier', '=', period.timeIdentifier);
  const authorities =
    area.level === 'Local authority'
      ? await readKeyed(
          inPeriod(total(ofLevel(db, 'Local authority'))),
          sharing(wanted, ['Local authority', series, slice, period.label]),
        )
      : [];
  const neighbourCodes =
    area.level === 'Local authority' && area.old_la_code !== null
      ? (wanted.neighbours?.get(area.old_la_code) ?? [])
      : [];
  return {
    area: { name: area.name, level: area.level, code: area.code, regionName },
    series,
    schoolType,
    otherTypes: told.otherTypes,
    group: topic === 'Total' ? undefined : { topic, breakdown },
    own: runningAt === undefined ? own : samePoint(runningAt, own, past),
    past,
    region,
    england: samePeriodLast(
      englandRows.length === 0 ? [] : await history('National', englandRows[0]?.areaCode ?? '', englandRows),
      period,
    ),
    neighbours:
      neighbourCodes.length === 0
        ? undefined
        : {
            configured: neighbourCodes.length,
            rows: authorities
              .filter(({ oldLaCode }) => oldLaCode !== null && neighbourCodes.includes(oldLaCode))
              .map(({ row }) => row),
            before: await neighboursBefore(total(ofLevel(db, 'Local authority')), neighbourCodes, period),
          },
    authorities: authorities.map(({ row }) => row),
    groups:
      schoolType === 'Total' && topic === 'Total'
        ? await groups(db, { level: area.level, code: area.code }, series, period, wanted)
        : [],
    releases: await releasesOf(db, own.at(-1), told.publication),
  };
}

/** The figures of neighbours a year before; of a running total there is no telling which one is of the same point. */
async function neighboursBefore(rows: Rows, codes: readonly string[], period: Period): Promise<FigureRow[]> {
  if (period.kind === 'year to date') return [];
  const timePeriod =
    period.kind === 'week'
      ? String(Number(period.timePeriod) - 1)
      : academicYearLabel(period.startYear - 1).replace(/^(\d{4})\/(\d\d)$/, '$1$2');
  return read(
    rows
      .where('time_period', '=', timePeriod)
      .where('time_identifier', '=', period.timeIdentifier)
      .where('old_la_code', 'in', codes),
  );
}

function ofLevel(db: View, level: string): Rows {
  return db.selectFrom('absence').selectAll().where('geographic_level', '=', level);
}

function ofArea(db: View, level: string, code: string): Rows {
  return ofLevel(db, level).where('area_code', '=', code);
}

/** Lines that end before the period told would compare it with another one: they are left out. */
function samePeriodLast(rows: readonly FigureRow[], period: Period): readonly FigureRow[] {
  return rows.at(-1)?.period.sort === period.sort ? rows : [];
}

/** How the answer to a question is shared: by its words, among the briefs of one moment; undefined where it is not. */
interface Sharing {
  readonly reads: SharedReads;
  readonly asked: string;
}

function sharing({ shared }: BriefWanted, asked: readonly unknown[]): Sharing | undefined {
  return shared === undefined ? undefined : { reads: shared, asked: JSON.stringify(asked) };
}

async function read(rows: Rows, among?: Sharing): Promise<FigureRow[]> {
  return (await readKeyed(rows, among)).map(({ row }) => row);
}

async function readKeyed(rows: Rows, among?: Sharing): Promise<readonly KeyedRow[]> {
  const known = among?.reads.get(among.asked);
  if (known !== undefined) return known;
  const answer = rows.execute().then((views) =>
    views.flatMap((view) => {
      const row = figureRow(view);
      return row === undefined ? [] : [{ row, oldLaCode: view.old_la_code }];
    }),
  );
  among?.reads.set(among.asked, answer);
  return answer;
}

/** A row of the view as the brief reads it; undefined where its period is none we know. */
export function figureRow(view: AbsenceView): FigureRow | undefined {
  const period = periodOf(view.time_period, view.time_identifier);
  if (period === undefined) return undefined;
  // A sentence is of one day: what counts to another day than the row is not told beside it.
  const provenance: FigureRow['provenance'] = Object.fromEntries(
    Object.entries(view.provenance).filter(([, { as_of: day }]) => day === undefined),
  );
  const spoken = MEASURES.filter((measure) => provenance[measure] !== undefined);
  const pick = <T>(from: (measure: Measure) => T): Partial<Record<Measure, T>> =>
    Object.fromEntries(spoken.map((measure) => [measure, from(measure)]));
  return {
    area: view.area_name,
    areaCode: view.area_code,
    period,
    schoolType: view.school_type,
    topic: view.breakdown_topic,
    breakdown: view.breakdown,
    asOf: period.kind === 'finished' ? undefined : (view.as_of ?? undefined),
    asOfPublication:
      period.kind === 'year to date' && Object.values(provenance).some((one) => ukDay(one.published_at) === view.as_of),
    values: pick((measure) => view[measure]),
    symbols: view.symbols ?? {},
    provenance,
  };
}

interface PastOf extends Slice {
  readonly level: string;
  readonly code: string;
  readonly series: string;
  /** The newest running total. */
  readonly upTo: FigureRow | undefined;
}

/** The figures of a running total of earlier days than the newest one, as last published for each day and not withdrawn. */
async function pastOf(
  db: View,
  { level, code, series, schoolType, topic, breakdown, upTo }: PastOf,
): Promise<FigureRow[]> {
  if (upTo?.asOf === undefined) return [];
  const views = await historyOf(db, { level, code })
    .selectAll()
    .where('series', '=', series)
    .where('school_type', '=', schoolType)
    .where('breakdown_topic', '=', topic)
    .where('breakdown', '=', breakdown)
    .orderBy('valid_from', 'desc')
    .execute();
  const days = new Map<string, FigureRow>();
  for (const view of views) {
    const row = figureRow(view);
    if (row?.asOf === undefined || row.asOf >= upTo.asOf || row.period.sort > upTo.period.sort) continue;
    const day = `${row.period.timePeriod} ${row.asOf}`;
    const newer = days.get(day);
    // Two data sets of a release may give a part of the measures each.
    days.set(
      day,
      newer === undefined
        ? row
        : {
            ...newer,
            values: { ...row.values, ...newer.values },
            symbols: { ...row.symbols, ...newer.symbols },
            provenance: { ...row.provenance, ...newer.provenance },
          },
    );
  }
  return [...days.values()];
}

/**
 * Of a running total, earlier years as they stood at the same point of the year: of the `past` figures whose day is at
 * most ten days away from it, the nearest. Years without one are left out.
 */
function samePoint(asOf: string, rows: readonly FigureRow[], past: readonly FigureRow[]): FigureRow[] {
  const last = rows.at(-1);
  if (last === undefined) return [];
  const nearest = new Map<number, { readonly row: FigureRow; readonly away: number }>();
  for (const row of past) {
    if (row.asOf === undefined || row.period.sort >= last.period.sort) continue;
    const away = daysAway(row.asOf, asOf, last.period.startYear - row.period.startYear);
    const best = nearest.get(row.period.sort);
    if (away <= SAME_POINT_DAYS && (best === undefined || away < best.away))
      nearest.set(row.period.sort, { row, away });
  }
  const points = [...nearest.values()].map(({ row }) => row).sort((a, b) => a.period.sort - b.period.sort);
  return [...points, last];
}

/** Days between a day, moved on by so many years of whole weeks, and another: the same weekday is the same point. */
function daysAway(earlier: string, later: string, years: number): number {
  return Math.abs((Date.parse(later) - Date.parse(earlier)) / DAY_MS - years * YEAR_OF_WEEKS);
}

async function groups(
  db: View,
  area: { readonly level: string; readonly code: string },
  series: string,
  period: Period,
  wanted: BriefWanted,
): Promise<GroupFacts[]> {
  const ofGroups = async (rows: Rows, among?: Sharing): Promise<FigureRow[]> =>
    (
      await read(
        rows
          .where('series', '=', series)
          .where(
            sql<boolean>`(breakdown_topic, breakdown, school_type) in (${sql.join(GROUPS.map((g) => sql`(${g.topic}, ${g.breakdown}, ${g.schoolType})`))})`,
          ),
        among,
      )
    ).filter((row) => row.period.timeIdentifier === period.timeIdentifier);
  const own = await ofGroups(ofArea(db, area.level, area.code));
  const england =
    area.level === 'National'
      ? []
      : await ofGroups(ofLevel(db, 'National'), sharing(wanted, ['groups of England', series]));
  return GROUPS.flatMap((group): GroupFacts[] => {
    const of = (rows: readonly FigureRow[], startYear: number): FigureRow | undefined =>
      rows.find(
        (row) =>
          row.topic === group.topic &&
          row.breakdown === group.breakdown &&
          row.schoolType === group.schoolType &&
          row.period.startYear === startYear,
      );
    const yearsOf = (rows: readonly FigureRow[]): { now: FigureRow | undefined; before: FigureRow | undefined } => ({
      now: of(rows, period.startYear),
      // Of a running total the year before stands at its end here, which is no comparison.
      before: period.kind === 'year to date' ? undefined : of(rows, period.startYear - 1),
    });
    const [here, there] = [yearsOf(own), yearsOf(england)];
    if (here.now !== undefined && hasPupilRate(here.now)) return [{ ...group, where: 'area', ...here, now: here.now }];
    const withheld = here.now !== undefined && isWithheld(here.now) ? here.now : undefined;
    if (there.now !== undefined && hasPupilRate(there.now))
      return [{ ...group, where: 'England', ...there, now: there.now, withheld }];
    if (withheld !== undefined) return [{ ...group, where: 'area', now: withheld, before: undefined, withheld }];
    return [];
  });
}

/** Groups are told by the rates of pupils. */
const PUPIL_RATES = ['persistent_absence_rate', 'severe_absence_rate'] as const;

function hasPupilRate(row: FigureRow): boolean {
  return PUPIL_RATES.some((rate) => typeof row.values[rate] === 'string');
}

function isWithheld(row: FigureRow): boolean {
  return PUPIL_RATES.some((rate) => row.symbols[rate] !== undefined);
}

/** Every release and data set version that gave a figure of the row, the naming one first. */
async function releasesOf(db: View, row: FigureRow | undefined, publication: string): Promise<ReleaseFacts[]> {
  const given = new Map(
    Object.values(row?.provenance ?? {}).map((one) => [`${one.release}\n${one.data_set}\n${one.version}`, one]),
  );
  if (given.size === 0) return [];
  const titles = [...new Set([...given.values()].map(({ release }) => release))];
  const known = await db
    .selectFrom('release')
    .innerJoin('publication', 'publication.slug', 'release.publication')
    .select([
      'release.title',
      'release.status',
      'release.url',
      'release.publication',
      'publication.title as publication_title',
    ])
    .where('release.title', 'in', titles)
    .execute();
  return [...given.values()].map((one) => {
    const release =
      known.find(({ title, publication: slug }) => title === one.release && slug === publication) ??
      known.find(({ title }) => title === one.release);
    return {
      publication: publicationTitle(release?.publication ?? publication, release?.publication_title),
      title: one.release,
      status: publicationStatus(release?.publication ?? publication, release?.status ?? undefined),
      url: release?.url ?? undefined,
      dataSet: one.data_set,
      version: one.version,
      publishedAt: new Date(one.published_at),
    };
  });
}
