/** Names in the configuration that no loaded figure answers to. */
import { nearest } from '../domain/names.js';
import type { AreaSelector, WatchedName } from '../domain/rule.js';
import { selectAreas } from '../load/areas.js';
import type { Store } from '../load/database.js';

type Reader = Pick<Store, 'db'>;

export interface Unanswered<Name extends WatchedName> {
  readonly name: Name;
  /** What is not there, and what is there instead. */
  readonly message: string;
}

/** How many of the names that exist are listed where none is like the one asked for. */
const LISTED = 6;

/** @returns in the order given; nothing while no figure is loaded */
export async function unansweredNames<Name extends WatchedName>(
  store: Reader,
  names: readonly Name[],
): Promise<Unanswered<Name>[]> {
  const schoolTypes = (await store.db.selectFrom('school_type').select('name').orderBy('name').execute()).map(
    ({ name }) => name,
  );
  if (schoolTypes.length === 0) return [];
  const breakdowns = await store.db
    .selectFrom('breakdown')
    .select(['topic', 'name'])
    .orderBy('topic')
    .orderBy('name')
    .execute();

  const messageFor = async (name: WatchedName): Promise<string | undefined> => {
    switch (name.kind) {
      case 'school type':
        return schoolTypes.includes(name.schoolType)
          ? undefined
          : missing('school type', name.schoolType, schoolTypes, nearest(name.schoolType, schoolTypes));
      case 'breakdown': {
        const { topic, breakdown } = name.breakdown;
        const ofTopic = breakdowns.filter((each) => each.topic === topic).map((each) => each.name);
        if (ofTopic.includes(breakdown)) return undefined;
        if (ofTopic.length > 0)
          return missing(`breakdown of "${topic}"`, breakdown, ofTopic, nearest(breakdown, ofTopic));
        const topics = [...new Set(breakdowns.map((each) => each.topic))];
        return missing('topic of a breakdown', topic, topics, nearest(topic, topics));
      }
      case 'area': {
        const selected = await selectAreas(store, name.selector);
        if (selected.kind === 'areas') return undefined;
        const { known, near } = selected;
        return known === undefined
          ? missing('area', selectorWords(name.selector), [], near[0])
          : missing('area', known.name, near, undefined, ` (${known.level})`);
      }
    }
  };

  // The same area stands in many rules.
  const said = new Map<string, Promise<string | undefined>>();
  const unanswered: Unanswered<Name>[] = [];
  for (const name of names) {
    const key = JSON.stringify(identity(name));
    const message = await (said.get(key) ?? said.set(key, messageFor(name)).get(key));
    if (message !== undefined) unanswered.push({ name, message });
  }
  return unanswered;
}

function identity(name: WatchedName): readonly unknown[] {
  switch (name.kind) {
    case 'area':
      return [name.kind, name.selector];
    case 'breakdown':
      return [name.kind, name.breakdown];
    case 'school type':
      return [name.kind, name.schoolType];
  }
}

/** @param which said behind the name, where others may be called the same */
function missing(what: string, name: string, there: readonly string[], near: string | undefined, which = ''): string {
  const instead =
    near !== undefined
      ? `; did you mean "${near}"?`
      : there.length === 0
        ? ''
        : `; loaded ${there.length === 1 ? 'is' : 'are'} ${there.slice(0, LISTED).join(', ')}${there.length > LISTED ? ` and ${there.length - LISTED} more` : ''}`;
  return `no loaded figure has the ${what} "${name.slice(0, 80)}"${which}${instead}`;
}

function selectorWords(selector: AreaSelector): string {
  if (selector.by === 'name') return selector.text;
  if (selector.by === 'all') return 'all';
  return selector.within === undefined ? selector.level : `${selector.level} within ${selector.within}`;
}
