/** A data set version in the words of the official API: metadata with its short ids, and what changed between two. */
import { shortId } from './identity.js';
import { LEVEL_CODES, type FileProfile, type Place, type TimePeriod } from './profile.js';

const level = (label: string) => ({ code: LEVEL_CODES[label] ?? 'NAT', label });

/** A short id belongs to one data set: the same label has another in another set, and keeps it from version to version. */
const filterId = (dataSetId: string, column: string) => shortId(`${dataSetId} filter ${column}`);
const optionId = (dataSetId: string, column: string, label: string) =>
  shortId(`${dataSetId} option ${column} ${label}`);
const indicatorId = (dataSetId: string, column: string) => shortId(`${dataSetId} indicator ${column}`);

function placeOption(dataSetId: string, levelLabel: string, place: Place): Record<string, string> {
  const id = shortId(`${dataSetId} place ${levelLabel} ${place.code} ${place.oldCode ?? ''}`);
  if (levelLabel === 'Local authority')
    return { id, label: place.label, code: place.code, oldCode: place.oldCode ?? '' };
  if (levelLabel === 'School') return { id, label: place.label, urn: place.code, laEstab: place.oldCode ?? '' };
  return { id, label: place.label, code: place.code };
}

const periodOption = ({ code, period, label }: TimePeriod) => ({ code, period, label });

const filterOf = (dataSetId: string, { column, label }: { column: string; label: string }) => ({
  id: filterId(dataSetId, column),
  column,
  label,
  hint: '',
});

const indicatorOf = (dataSetId: string, indicator: FileProfile['indicators'][number]) => ({
  id: indicatorId(dataSetId, indicator.column),
  ...indicator,
});

/** The groups of metadata that `types` can select. */
export const META_TYPES = ['Filters', 'Indicators', 'Locations', 'TimePeriods'] as const;

/** The answer of the meta route. Groups not selected are empty; geographic levels come with locations. */
export function metaOf(dataSetId: string, profile: FileProfile, types: readonly string[]): object {
  const wants = (type: (typeof META_TYPES)[number]) => types.includes(type);
  return {
    filters: wants('Filters')
      ? profile.filters.map((filter) => ({
          ...filterOf(dataSetId, filter),
          options: filter.options.map((label) => ({ id: optionId(dataSetId, filter.column, label), label })),
        }))
      : [],
    indicators: wants('Indicators') ? profile.indicators.map((each) => indicatorOf(dataSetId, each)) : [],
    geographicLevels: wants('Locations') ? profile.levels.map(level) : [],
    locations: wants('Locations')
      ? [...profile.places].map(([label, places]) => ({
          level: level(label),
          options: places.map((place) => placeOption(dataSetId, label, place)),
        }))
      : [],
    timePeriods: wants('TimePeriods') ? profile.periods.map(periodOption) : [],
  };
}

interface Change {
  readonly currentState?: unknown;
  readonly previousState?: unknown;
}

/** What was added and what is gone, by key. */
function compare<T>(
  before: readonly T[],
  after: readonly T[],
  key: (each: T) => string,
  show: (each: T) => unknown,
): { added: Change[]; gone: Change[] } {
  const had = new Set(before.map(key));
  const has = new Set(after.map(key));
  return {
    added: after.filter((each) => !had.has(key(each))).map((each) => ({ currentState: show(each) })),
    gone: before.filter((each) => !has.has(key(each))).map((each) => ({ previousState: show(each) })),
  };
}

/**
 * Deletions are major, additions minor. Metadata alone: a changed figure never appears.
 * @returns the two change sets; a kind without changes has no key
 */
export function changesBetween(
  dataSetId: string,
  before: FileProfile,
  after: FileProfile,
): { majorChanges: Record<string, unknown[]>; minorChanges: Record<string, unknown[]> } {
  const majorChanges: Record<string, unknown[]> = {};
  const minorChanges: Record<string, unknown[]> = {};
  const note = (
    kind: string,
    { added, gone }: { added: Change[]; gone: Change[] },
    wrap = (changes: Change[]): unknown[] => changes,
  ) => {
    if (gone.length > 0) majorChanges[kind] = [...(majorChanges[kind] ?? []), ...wrap(gone)];
    if (added.length > 0) minorChanges[kind] = [...(minorChanges[kind] ?? []), ...wrap(added)];
  };
  note(
    'filters',
    compare(
      before.filters,
      after.filters,
      (each) => each.column,
      (each) => filterOf(dataSetId, each),
    ),
  );
  note(
    'indicators',
    compare(
      before.indicators,
      after.indicators,
      (each) => each.column,
      (each) => indicatorOf(dataSetId, each),
    ),
  );
  note('geographicLevels', compare(before.levels, after.levels, String, level));
  note(
    'timePeriods',
    compare(before.periods, after.periods, ({ code, period }) => `${code} ${period}`, periodOption),
  );
  for (const filter of after.filters) {
    const previous = before.filters.find((each) => each.column === filter.column);
    if (!previous) continue;
    const show = (label: string) => ({ id: optionId(dataSetId, filter.column, label), label });
    const options = compare(previous.options, filter.options, String, show);
    note('filterOptions', options, (changes) => [{ filter: filterOf(dataSetId, filter), options: changes }]);
  }
  const places = (profile: FileProfile, label: string) => profile.places.get(label) ?? [];
  for (const label of new Set([...before.levels, ...after.levels])) {
    const options = compare(
      places(before, label),
      places(after, label),
      ({ code, oldCode }) => `${code} ${oldCode ?? ''}`,
      (place) => placeOption(dataSetId, label, place),
    );
    note('locationOptions', options, (changes) => [{ level: level(label), options: changes }]);
  }
  return { majorChanges, minorChanges };
}
