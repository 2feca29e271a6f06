/**
 * Pupil groups: one name each, whatever a file calls them.
 *
 * Spellings come from the published absence and attendance files of 2016/17 to 2025/26, from DfE's own lists (SEN,
 * ethnicity, the data dictionary of the dfe-data project) and from the catalogue pages of Explore
 * education statistics. To teach the program a new spelling, add it to its line; case, underscores and punctuation do
 * not matter ("SEN_provision_SEN_Support" and "SEN provision: SEN support" are the same to it).
 */
import { TOTAL, type Breakdown } from './figure.js';

/** Lower case, every run of other characters than letters and digits one space: what two spellings are compared by. */
export function folded(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

/** What the whole of a filter is called. */
const WHOLE = new Set(['total', 'all', 'all pupils', 'all schools']);

/** True for a filter value that names the whole (Total, All, All pupils, All schools). */
export function isWhole(text: string): boolean {
  return WHOLE.has(folded(text));
}

interface Topic {
  readonly topic: string;
  /** What files call the topic; several topics may share a spelling, then the value decides. */
  readonly called: readonly string[];
  /** Our name of each group, with the other spellings met. */
  readonly groups: Record<string, readonly string[]>;
  /** Its groups are few and stay the same: another one is a spelling that is missing here. */
  readonly few?: true;
}

const UNKNOWN = ['Unclassified', 'Unknown', 'Not recorded', 'Not followed or missing', 'Missing'];

const TOPICS: readonly Topic[] = [
  {
    topic: 'SEN provision',
    called: ['SEN provision', 'SEN', 'SEN status', 'Special educational needs', 'Special educational needs provision'],
    few: true,
    groups: {
      'EHC plan': [
        'Education, health and care plan',
        'Education, health and care plans',
        'EHC plans',
        'EHCP',
        'Statement or EHCP',
        'Statement or EHC plan',
        'SEN with statement or EHC plan',
        // Before 2014/15 plans were called statements; the plans replaced them one by one.
        'With statement',
      ],
      'SEN support': [
        'SEN without an EHC plan',
        'SEN support / SEN without an EHC plan',
        'SEN without a statement',
        'SEN without statement',
      ],
      // Until 2014/15, when SEN support took the place of both.
      'School action': [],
      'School action plus': [],
      'No SEN': [
        'No SEN provision',
        'No identified SEN',
        'No special educational needs',
        'No special educational need',
        'No identified special educational need',
      ],
      Unknown: ['Unknown SEN provision', ...UNKNOWN],
    },
  },
  {
    topic: 'SEN status',
    called: ['SEN status', 'SEN provision', 'SEN'],
    groups: {
      'Any SEN': ['Any special educational need', 'All SEN', 'All SEN provision', 'Any special educational needs'],
    },
  },
  {
    topic: 'FSM eligibility',
    called: [
      'FSM eligibility',
      'FSM',
      'FSM status',
      'Free school meals',
      'Free school meal eligibility',
      'Free school meals eligibility',
    ],
    few: true,
    groups: {
      'FSM eligible': ['Eligible', 'Eligible for free school meals', 'FSM'],
      'Not FSM eligible': [
        'Not eligible',
        'FSM not eligible',
        'Not eligible for free school meals',
        'Not eligible for FSM',
        'Non FSM',
      ],
      // Holds the unclassified too, so it is not the same group.
      'Not known to be FSM eligible': ['Not known to be eligible for free school meals'],
      Unknown: ['FSM unclassified', 'FSM unknown', ...UNKNOWN],
    },
  },
  {
    topic: 'FSM eligibility in last 6 years',
    called: [
      'FSM eligibility in last 6 years',
      'FSM in last 6 years',
      'FSM eligible in last 6 years',
      'FSM ever 6',
      'FSM',
      'FSM eligibility',
      'FSM status',
    ],
    few: true,
    groups: {
      'FSM eligible in last 6 years': ['Eligible in last 6 years', 'Eligible for FSM in last 6 years'],
      'Not FSM eligible in last 6 years': ['Not eligible in last 6 years', 'FSM not eligible in last 6 years'],
      Unknown: ['Unclassified in last 6 years', 'FSM unclassified in last 6 years', ...UNKNOWN],
    },
  },
  {
    topic: 'Sex',
    called: ['Sex', 'Gender', 'Pupil sex'],
    few: true,
    groups: { Female: ['Girls', 'Girl'], Male: ['Boys', 'Boy'], Unknown: UNKNOWN },
  },
  {
    topic: 'Ethnicity major',
    called: ['Ethnicity major', 'Major ethnicity', 'Major ethnic groups', 'Major ethnic group', 'Ethnicity'],
    groups: {
      White: ['White total', 'All White'],
      'Mixed / Multiple ethnic groups': [
        'Mixed',
        'Mixed total',
        'All Mixed / Multiple ethnic groups',
        'Any mixed background',
      ],
      'Asian / Asian British': ['Asian', 'Asian total', 'All Asian / Asian British'],
      'Black / African / Caribbean / Black British': [
        'Black',
        'Black total',
        'All Black / African / Caribbean / Black British',
        'Black / Black British',
      ],
      Chinese: [],
      'Other ethnic group': ['Any other ethnic group', 'All other ethnic groups', 'Other', 'Other ethnic groups'],
      Unknown: ['Ethnicity unclassified', ...UNKNOWN],
    },
  },
  {
    topic: 'Ethnicity minor',
    called: ['Ethnicity minor', 'Minor ethnicity', 'Minor ethnic groups', 'Minor ethnic group', 'Ethnicity'],
    groups: {
      'White British': ['English / Welsh / Scottish / Northern Irish / British'],
      Irish: ['White Irish'],
      'Traveller of Irish heritage': ['Irish Traveller', 'Irish Traveller heritage'],
      'Gypsy / Roma': ['Gypsy Roma', 'Gypsy or Roma'],
      Gypsy: [],
      Roma: [],
      'Gypsy or Irish Traveller': [],
      'Any other White background': [],
      'White and Black Caribbean': [],
      'White and Black African': [],
      'White and Asian': [],
      'Any other Mixed background': ['Any other Mixed / Multiple ethnic background'],
      Indian: [],
      Pakistani: [],
      Bangladeshi: [],
      Chinese: [],
      'Any other Asian background': [],
      'Black African': ['African', 'Black - African'],
      'Black Caribbean': ['Caribbean', 'Black - Caribbean'],
      'Any other Black background': ['Any other Black / African / Caribbean background'],
      Arab: [],
      'Any other ethnic group': [],
      Unknown: UNKNOWN,
    },
  },
  {
    topic: 'Minority ethnic',
    called: ['Minority ethnic', 'Minority ethnic group', 'Minority ethnic groups', 'Ethnicity'],
    groups: { 'Minority ethnic group': ['Minority ethnic', 'Minority ethnic pupils'] },
  },
  {
    topic: 'Year group',
    called: ['Year group', 'NC year', 'National curriculum year', 'National curriculum year group', 'NCYear'],
    groups: {
      Nursery: [],
      Reception: ['Year R', 'R'],
      ...Object.fromEntries(
        Array.from({ length: 14 }, (_, index) => [
          `Year ${index + 1}`,
          [`${index + 1}`, `NC Year ${index + 1}`, `Year group ${index + 1}`],
        ]),
      ),
      'Year 1 and below': ['1 and below', 'NC Year 1 and below'],
      'Year 12 and above': ['12 and above', 'NC Year 12 and above'],
      Unknown: UNKNOWN,
    },
  },
  {
    topic: 'First language',
    called: ['First language', 'Language'],
    groups: {
      'Known or believed to be English': ['English'],
      'Known or believed to be other than English': ['Other than English'],
      Unknown: ['First language unclassified', ...UNKNOWN],
    },
  },
  {
    topic: 'SEN primary need',
    called: ['SEN primary need', 'Primary need', 'Primary SEN need', 'SEN primary type of need'],
    groups: {
      'Autistic spectrum disorder': ['ASD', 'Autistic spectrum disorders'],
      'Down syndrome': ["Down's syndrome"],
      'Hearing impairment': ['HI'],
      'Moderate learning difficulty': ['MLD'],
      'Multi-sensory impairment': ['MSI'],
      'No primary need': [],
      'No specialist assessment': ['SEN support but no specialist assessment of type of need', 'NSA'],
      'No SEN': [],
      'Other difficulty or disability': ['Other difficulty/disability', 'OTH'],
      'Physical disability': ['PD'],
      'Profound and multiple learning difficulty': ['PMLD', 'Profound & multiple learning difficulty'],
      'Severe learning difficulty': ['SLD'],
      'Social, emotional and mental health': ['SEMH', 'Social emotional and mental health needs'],
      'Specific learning difficulty': ['SPLD'],
      'Speech, language and communication needs': ['SLCN', 'Speech language and communications needs'],
      'Vision impairment': ['VI', 'Visual impairment'],
      'Not reported': [],
      Unknown: UNKNOWN,
    },
  },
];

const GROUPS = new Map<string, Breakdown>();
const TOPIC_NAMES = new Map<string, string>();
for (const { topic, called, groups } of TOPICS) {
  for (const name of [topic, ...called]) {
    const from = folded(name);
    if (!TOPIC_NAMES.has(from)) TOPIC_NAMES.set(from, topic);
    for (const [breakdown, spellings] of Object.entries(groups)) {
      const group: Breakdown = { topic, breakdown };
      for (const spelling of [breakdown, ...spellings]) {
        const key = `${from}: ${folded(spelling)}`;
        if (!GROUPS.has(key)) GROUPS.set(key, group);
      }
    }
  }
}
// Longest first, so that "SEN_primary_need_…" is not read as topic SEN.
const TOPICS_BY_LENGTH = [...TOPIC_NAMES.keys()].sort((a, b) => b.length - a.length);

/** Spellings that mean much else outside a column of pupil groups. */
const AMBIGUOUS = new Set(['other', 'mixed', 'english', 'eligible', 'not eligible', 'nursery', 'african', 'caribbean']);

const SHORTEST_GROUP = 4;

const PUPIL_GROUPS: ReadonlySet<string> = new Set(
  TOPICS.flatMap(({ groups }) =>
    Object.entries(groups).flatMap(([group, spellings]) => (group === 'Unknown' ? [] : [group, ...spellings])),
  )
    .map(folded)
    .filter((name) => name.length >= SHORTEST_GROUP && !AMBIGUOUS.has(name)),
);

/** Groups by a spelling that only one topic has, so that it says by itself what it is. */
const BY_SPELLING_ALONE = new Map<string, Breakdown>();
for (const [spelling, groups] of groupsBySpelling()) {
  const [only, ...others] = groups.values();
  if (only !== undefined && others.length === 0 && PUPIL_GROUPS.has(spelling)) BY_SPELLING_ALONE.set(spelling, only);
}

/** For each spelling, as it ends a key of GROUPS, all that it may stand for. */
function groupsBySpelling(): Map<string, Map<string, Breakdown>> {
  const found = new Map<string, Map<string, Breakdown>>();
  for (const [key, group] of GROUPS) {
    const spelling = key.slice(key.lastIndexOf(': ') + 2);
    const groups = found.get(spelling) ?? new Map<string, Breakdown>();
    found.set(spelling, groups.set(identityOf(group), group));
  }
  return found;
}

/** Whether a text is a group of pupils in whatever column it stands ("White British", "Girls"). */
export function isPupilGroup(text: string): boolean {
  return PUPIL_GROUPS.has(folded(text));
}

/** Other words for what pupils are told apart by, as they stand in the names of cross-tabulations. */
const OTHER_TOPICS = new Set([
  'age',
  'pupil age',
  'idaci',
  'idaci decile',
  'deprivation',
  'disadvantage',
  'school type',
]);

/**
 * Whether a topic names two filters at once ("FSM eligibility and SEN provision", "Ethnicity x FSM"), so that its groups
 * are those of a cross-tabulation.
 */
export function crossesTopics(topic: string): boolean {
  if (TOPIC_NAMES.has(folded(topic))) return false;
  const parts = topic.split(/\s(?:and|by|x|with)\s|\s[-\u2013]\s|[&/|\u00d7]/i).map(folded);
  return (
    parts.length > 1 &&
    parts.some((part) => TOPIC_NAMES.has(part)) &&
    parts.every((part) => TOPIC_NAMES.has(part) || OTHER_TOPICS.has(part))
  );
}

/** Topics under which a file puts everything, so that the value alone says what it is. */
const NO_TOPIC = new Set(['', 'total', 'all', 'characteristic', 'characteristics', 'breakdown', 'all pupils']);

/**
 * Our name of a pupil group. Totals, also those inside a topic, are TOTAL. What we do not know is kept as the file
 * spells it, so that it never meets another group.
 * @param topic as the file has it; '' where the value carries it ("Gender_male", "SEN - SEN support")
 */
export function canonicalBreakdown(topic: string, value: string): Breakdown {
  if (isWhole(value)) return TOTAL;
  const topicKey = folded(topic);
  const valueKey = folded(value);
  if (!NO_TOPIC.has(topicKey)) {
    const known = GROUPS.get(`${topicKey}: ${valueKey}`) ?? withTopic(valueKey);
    // "SEN - SEN support" under "SEN status": the value names the topic once more, in whichever of its spellings.
    if (known !== undefined && GROUPS.get(`${topicKey}: ${folded(known.breakdown)}`)?.topic === known.topic)
      return known;
    return { topic: TOPIC_NAMES.get(topicKey) ?? topic.trim(), breakdown: value.trim() };
  }
  if (valueKey === '') return TOTAL;
  return withTopic(valueKey) ?? BY_SPELLING_ALONE.get(valueKey) ?? { topic: 'Characteristic', breakdown: value.trim() };
}

/** The group of a value that begins with its topic ("gender male"). @param valueKey folded */
function withTopic(valueKey: string): Breakdown | undefined {
  for (const name of TOPICS_BY_LENGTH) {
    if (!valueKey.startsWith(`${name} `)) continue;
    const known = GROUPS.get(`${name}: ${valueKey.slice(name.length + 1)}`) ?? GROUPS.get(`${name}: ${valueKey}`);
    if (known !== undefined) return known;
  }
  return undefined;
}

const KNOWN: ReadonlySet<string> = new Set([TOTAL, ...GROUPS.values()].map(identityOf));

function identityOf({ topic, breakdown }: Breakdown): string {
  return `${topic}: ${breakdown}`;
}

/** Whether a group, by our name of it, is one that there is a name for. */
export function isKnownBreakdown(breakdown: Breakdown): boolean {
  return KNOWN.has(identityOf(breakdown));
}

/** The groups of a topic that has few and always the same; undefined for any other topic. */
export function groupsOfFewTopic(topic: string): readonly string[] | undefined {
  const found = TOPICS.find((each) => each.topic === topic && each.few === true);
  return found && Object.keys(found.groups);
}

/** Every breakdown that files are known to have, for messages and for checking names in the configuration. */
export function knownBreakdowns(): readonly Breakdown[] {
  return [TOTAL, ...new Set(GROUPS.values())].filter(
    (group, index, all) =>
      all.findIndex((other) => other.topic === group.topic && other.breakdown === group.breakdown) === index,
  );
}
