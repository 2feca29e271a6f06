/** Pupil groups of the composed figures: SEN provision and FSM eligibility, each adding up to all pupils of an area. */
import { addUp, type AuthorityFigures, type Counts } from './figures.js';
import { chance, splitWithin, sum } from './split.js';
import { EHC_PLAN } from './targets.js';

export const TOPICS = {
  'SEN provision': ['EHC plan', 'SEN support', 'No SEN'],
  'FSM eligibility': ['FSM eligible', 'Not FSM eligible'],
} as const;

export type Topic = keyof typeof TOPICS;

/** The groups of one area: by topic, then group. */
export type GroupFigures = ReadonlyMap<Topic, ReadonlyMap<string, Counts>>;

/** Shares of enrolments (percent) and weights of absence against all pupils. */
const SEN_SUPPORT = { share: 14, persistent: 1.45, severe: 1.9 };
const NO_SEN = { persistent: 0.86, severe: 0.75 };
const FSM = { share: 25.6, persistent: 1.68, severe: 2.05 };
const NOT_FSM = { persistent: 0.77, severe: 0.64 };

interface Weighted {
  readonly enrolments: number;
  readonly persistent: number;
  readonly severe: number;
}

/** Divides what is known of all pupils among groups; groups are given by their enrolments and relative absence. */
function among(all: Counts, groups: readonly Weighted[]): Counts[] {
  const enrolments = groups.map((group) => group.enrolments);
  const weighted = (of: 'persistent' | 'severe') => groups.map((group) => group.enrolments * group[of]);
  const persistent = splitWithin(all.persistent, weighted('persistent'), enrolments);
  const severe = splitWithin(all.severe, weighted('severe'), persistent);
  const possible = splitWithin(all.possible, enrolments);
  const authorised = splitWithin(all.authorised, weighted('persistent'), possible);
  const room = possible.map((sessions, at) => sessions - (authorised[at] ?? 0));
  const unauthorised = splitWithin(all.unauthorised, weighted('severe'), room);
  return groups.map((group, at) => ({
    schools: all.schools,
    enrolments: group.enrolments,
    persistent: persistent[at] ?? 0,
    severe: severe[at] ?? 0,
    possible: possible[at] ?? 0,
    authorised: authorised[at] ?? 0,
    unauthorised: unauthorised[at] ?? 0,
  }));
}

/** All pupils but those of a group. */
function without(all: Counts, group: Counts): Counts {
  const minus = (key: keyof Counts): number => all[key] - group[key];
  return {
    schools: all.schools,
    enrolments: minus('enrolments'),
    persistent: minus('persistent'),
    severe: minus('severe'),
    possible: minus('possible'),
    authorised: minus('authorised'),
    unauthorised: minus('unauthorised'),
  };
}

/**
 * The groups of every authority, in the order of `figures`. Pupils with a plan come, over England, to the target.
 * @throws when there is no target for that year
 */
export function composeGroups(figures: readonly AuthorityFigures[], startYear: number): GroupFigures[] {
  const target = EHC_PLAN[startYear];
  if (!target) throw new RangeError(`no groups are composed for ${startYear}`);
  const totals = figures.map(({ phases }) => addUp([...phases.values()]));
  const england = addUp(totals);
  const planned = splitWithin(
    Math.round((england.enrolments * target.share) / 100),
    totals.map((all, at) => all.enrolments * (1 + 0.15 * chance(`plans ${figures[at]?.authority.oldLaCode ?? ''}`))),
    totals.map((all) => Math.floor(all.enrolments / 3)),
  );
  const enrolmentsOfPlans = sum(planned);
  /** Spreads a count of pupils with plans over the authorities as their pupils' absence is. */
  const spread = (rate: number, of: 'persistent' | 'severe', caps: readonly number[]): number[] =>
    splitWithin(
      Math.round((enrolmentsOfPlans * rate) / 100),
      totals.map((all, at) => ((planned[at] ?? 0) * all[of]) / all.enrolments),
      caps.map((cap, at) => Math.min(cap, totals[at]?.[of] ?? 0)),
    );
  const persistent = spread(target.persistent, 'persistent', planned);
  const severe = spread(target.severe, 'severe', persistent);

  return totals.map((all, at) => {
    const code = figures[at]?.authority.oldLaCode ?? '';
    const enrolments = planned[at] ?? 0;
    const possible = Math.floor((all.possible * enrolments) / all.enrolments);
    const plan: Counts = {
      schools: all.schools,
      enrolments,
      persistent: persistent[at] ?? 0,
      severe: severe[at] ?? 0,
      possible,
      authorised: Math.min(possible, Math.floor(((all.authorised * enrolments) / all.enrolments) * 1.7)),
      unauthorised: Math.floor((all.unauthorised * enrolments) / all.enrolments),
    };
    const rest = without(all, plan);
    const supported = Math.round((all.enrolments * SEN_SUPPORT.share * (1 + 0.1 * chance(`support ${code}`))) / 100);
    const [support, none] = among(rest, [
      { ...SEN_SUPPORT, enrolments: supported },
      { ...NO_SEN, enrolments: rest.enrolments - supported },
    ]);
    const eligible = Math.round((all.enrolments * FSM.share * (1 + 0.3 * chance(`fsm ${code}`))) / 100);
    const [free, paid] = among(all, [
      { ...FSM, enrolments: eligible },
      { ...NOT_FSM, enrolments: all.enrolments - eligible },
    ]);
    return new Map<Topic, ReadonlyMap<string, Counts>>([
      ['SEN provision', named(TOPICS['SEN provision'], [plan, support, none])],
      ['FSM eligibility', named(TOPICS['FSM eligibility'], [free, paid])],
    ]);
  });
}

function named(names: readonly string[], cells: readonly (Counts | undefined)[]): Map<string, Counts> {
  return new Map(names.flatMap((name, at) => (cells[at] ? [[name, cells[at]] as const] : [])));
}

/** Groups of several areas added up. */
export function addUpGroups(groups: readonly GroupFigures[]): GroupFigures {
  const topics = Object.keys(TOPICS) as Topic[];
  return new Map(
    topics.map((topic) => [
      topic,
      new Map(TOPICS[topic].map((name) => [name, addUp(groups.flatMap((each) => each.get(topic)?.get(name) ?? []))])),
    ]),
  );
}
