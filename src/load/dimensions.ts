/**
 * The small numbers by which figures name their area, series, period, school type and breakdown. Known ones are read at
 * the start of a load; new ones get their number at once, while figures are still streaming to the database, and are
 * written after them in the same transaction.
 */
import { sql, type Transaction } from 'kysely';
import type { AreaRef } from '../domain/area.js';
import { currentNameAndCode } from '../domain/areas.js';
import type { Breakdown } from '../domain/figure.js';
import type { Period } from '../domain/period.js';
import { AreaBook } from './area-book.js';
import { gatherRows, writeRow } from './copy-text.js';
import type { Copy } from './database.js';
import type { Database } from './schema.js';

type Trx = Transaction<Database>;

/** Numbers of one small table: by the text of the key, and faster by the object that stands for many rows. */
class Numbers<T extends object> {
  readonly #byText = new Map<string, number>();
  readonly #byObject = new Map<T, number>();
  readonly added: { readonly id: number; readonly value: T }[] = [];
  #last = 0;

  constructor(
    known: readonly { readonly id: number; readonly text: string }[],
    readonly textOf: (value: T) => string,
  ) {
    for (const { id, text } of known) {
      this.#byText.set(text, id);
      if (id > this.#last) this.#last = id;
    }
  }

  of(value: T): number {
    const known = this.#byObject.get(value);
    if (known !== undefined) return known;
    const text = this.textOf(value);
    let id = this.#byText.get(text);
    if (id === undefined) {
      id = ++this.#last;
      this.#byText.set(text, id);
      this.added.push({ id, value });
    }
    this.#byObject.set(value, id);
    return id;
  }

  get last(): number {
    return this.#last;
  }
}

/** Names are their own keys. */
class Names {
  readonly #ids = new Map<string, number>();
  readonly added: { id: number; name: string }[] = [];
  #last = 0;

  constructor(known: readonly { readonly id: number; readonly name: string }[]) {
    for (const { id, name } of known) {
      this.#ids.set(name, id);
      if (id > this.#last) this.#last = id;
    }
  }

  of(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = ++this.#last;
      this.#ids.set(name, id);
      this.added.push({ id, name });
    }
    return id;
  }

  get last(): number {
    return this.#last;
  }
}

const AREA_COLUMNS = [
  ...['id', 'level', 'key', 'code', 'old_la_code', 'name', 'region_code', 'region_name', 'aliases', 'named_by'],
];
const NAMING_COLUMNS = ['area_id', 'version_id', 'code', 'old_la_code', 'name', 'region_code', 'region_name'];

export class Dimensions {
  readonly #family: string;

  private constructor(
    family: string,
    readonly areas: AreaBook,
    readonly series: Names,
    readonly periods: Numbers<Period>,
    readonly schoolTypes: Names,
    readonly breakdowns: Numbers<Breakdown>,
  ) {
    this.#family = family;
  }

  /** @param family of the publication whose file is loaded: new series belong to it */
  static async read(trx: Trx, family: string): Promise<Dimensions> {
    const areas = await trx.selectFrom('area').select(['id', 'level', 'key']).execute();
    const series = await trx.selectFrom('series').select(['id', 'name']).execute();
    const periods = await trx.selectFrom('period').select(['id', 'time_period', 'time_identifier']).execute();
    const schoolTypes = await trx.selectFrom('school_type').select(['id', 'name']).execute();
    const breakdowns = await trx.selectFrom('breakdown').select(['id', 'topic', 'name']).execute();
    return new Dimensions(
      family,
      new AreaBook(areas),
      new Names(series),
      new Numbers(
        periods.map((row) => ({ id: row.id, text: `${row.time_period}\t${row.time_identifier}` })),
        ({ timePeriod, timeIdentifier }) => `${timePeriod}\t${timeIdentifier}`,
      ),
      new Names(schoolTypes),
      new Numbers(
        breakdowns.map(({ id, topic, name }) => ({ id, text: `${topic}\t${name}` })),
        ({ topic, breakdown }) => `${topic}\t${breakdown}`,
      ),
    );
  }

  /**
   * Writes what is new, and how the version calls its areas. The version's own row must be there.
   * @param isLoaded areas first met are called as this version calls them; by one held back they are not named yet
   */
  async save(trx: Trx, copy: Copy, versionId: number, isLoaded: boolean): Promise<void> {
    const { lastKnown } = this.areas;
    if (this.areas.last > lastKnown)
      await copy(
        'area',
        AREA_COLUMNS,
        gatherRows(this.areas.namings(lastKnown + 1), (rows, { id, area }) => {
          writeRow(rows, [
            ...[id, area.level, area.key],
            ...(isLoaded ? calledNow(area) : called(area)),
            ...(isLoaded ? [aliasesOf(area), versionId] : ['[]', null]),
          ]);
        }),
      );
    await copy(
      'area_naming',
      NAMING_COLUMNS,
      gatherRows(this.areas.namings(), (rows, { id, area }) => {
        writeRow(rows, [id, versionId, ...called(area)]);
      }),
    );
    await this.#saveSmall(trx);
    for (const [table, { last }] of [
      ['area', this.areas],
      ['series', this.series],
      ['period', this.periods],
      ['school_type', this.schoolTypes],
      ['breakdown', this.breakdowns],
    ] as const)
      if (last > 0) await sql`select setval(pg_get_serial_sequence(${table}, 'id'), ${last}::bigint)`.execute(trx);
  }

  async #saveSmall(trx: Trx): Promise<void> {
    const series = this.series.added.map(({ id, name }) => ({ id, name, family: name.split('/')[0] ?? this.#family }));
    if (series.length > 0) await trx.insertInto('series').values(series).execute();
    const periods = this.periods.added.map(({ id, value }) => ({
      id,
      time_period: value.timePeriod,
      time_identifier: value.timeIdentifier,
      kind: value.kind,
      start_year: value.startYear,
      academic_year: value.academicYear,
      label: value.label,
      sort: value.sort,
    }));
    if (periods.length > 0) await trx.insertInto('period').values(periods).execute();
    if (this.schoolTypes.added.length > 0) await trx.insertInto('school_type').values(this.schoolTypes.added).execute();
    const breakdowns = this.breakdowns.added.map(({ id, value }) => ({
      id,
      topic: value.topic,
      name: value.breakdown,
    }));
    for (let at = 0; at < breakdowns.length; at += 1000)
      await trx
        .insertInto('breakdown')
        .values(breakdowns.slice(at, at + 1000))
        .execute();
  }
}

function called(area: AreaRef): (string | null)[] {
  return [
    area.code === '' ? area.key : area.code,
    area.oldLaCode ?? null,
    area.name,
    area.regionCode ?? null,
    area.regionName ?? null,
  ];
}

/** As `called`, by the facts where they know better. */
function calledNow(area: AreaRef): (string | null)[] {
  const now = currentNameAndCode(area);
  return [now.code, now.oldLaCode ?? null, now.name, now.regionCode ?? null, now.regionName ?? null];
}

/** What a search finds the area by: as SQL gathers them in area-names. */
function aliasesOf(area: AreaRef): string {
  const [code, , name] = called(area);
  return JSON.stringify([name?.toLowerCase(), code?.toLowerCase()]);
}
