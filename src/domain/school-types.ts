/**
 * School types: one name each, whatever a file, a title or a person calls them. To teach the program a new spelling, add
 * it to its line; case and punctuation do not matter.
 */
import { folded } from './breakdowns.js';
import type { SchoolType } from './figure.js';

const SCHOOL_TYPE_SPELLINGS: Record<string, readonly string[]> = {
  Total: [
    'Total',
    'All',
    'All schools',
    // What DfE's Total consists of.
    'State-funded primary, secondary and special',
    'State-funded primary, secondary and special schools',
  ],
  'State-funded primary': ['State-funded primary', 'State-funded primary schools', 'Primary', 'Primary schools'],
  'State-funded secondary': [
    'State-funded secondary',
    'State-funded secondary schools',
    'Secondary',
    'Secondary schools',
  ],
  Special: ['Special', 'Special schools', 'Special school', 'State-funded special', 'State-funded special school'],
  'Alternative provision': [
    'Alternative provision',
    'Pupil referral unit',
    'Pupil referral units',
    'PRU',
    'PRUs',
    'State-funded AP school',
    'State-funded AP schools',
    'State-funded alternative provision',
    'State-funded alternative provision school',
    'State-funded alternative provision schools',
    'PRU/Academy/Free school AP',
  ],
  // Published for single terms before 2016/17. Special schools are not in it, so it is no Total.
  'State-funded primary and secondary': [
    'State-funded primary and secondary',
    'State-funded primary and secondary schools',
    'Primary and secondary',
  ],
  // Published beside the types above in other files of schools; no Total of absence counts them.
  'State-funded nursery': ['State-funded nursery', 'State-funded nursery schools', 'Nursery', 'Nursery schools'],
  'State-funded all-through': ['State-funded all-through', 'All-through', 'All-through schools', 'All through'],
  'Non-maintained special': [
    'Non-maintained special',
    'Non-maintained special school',
    'Non-maintained special schools',
  ],
  Independent: ['Independent', 'Independent school', 'Independent schools'],
  'Special and alternative provision': [
    'Special and alternative provision',
    'State-funded special and AP',
    'State-funded special and alternative provision',
  ],
};

const SCHOOL_TYPES_BY_SPELLING = new Map<string, SchoolType>(
  Object.entries(SCHOOL_TYPE_SPELLINGS).flatMap(([type, spellings]) =>
    spellings.map((spelling) => [folded(spelling), type] as const),
  ),
);

/** All types there is a name for. */
export const KNOWN_SCHOOL_TYPES: readonly SchoolType[] = Object.keys(SCHOOL_TYPE_SPELLINGS);

/** Our name of a school type or phase as a file (or a person) spells it; undefined when it is none we know. */
export function canonicalSchoolType(text: string): SchoolType | undefined {
  return SCHOOL_TYPES_BY_SPELLING.get(folded(text));
}

/** Types that count the schools of another and more. */
const WIDER_TYPES: Record<string, readonly SchoolType[]> = {
  'State-funded primary': ['State-funded primary and secondary'],
  'State-funded secondary': ['State-funded primary and secondary'],
  Special: ['Special and alternative provision'],
  'Alternative provision': ['Special and alternative provision'],
  'Non-maintained special': ['Special', 'Special and alternative provision'],
};

/**
 * The schools that are of all these types at once.
 * @returns undefined where no type has a name for them (independent and secondary)
 */
export function schoolTypeOfAll(types: readonly SchoolType[]): SchoolType | undefined {
  return types.find((type) =>
    types.every((other) => other === type || other === 'Total' || WIDER_TYPES[type]?.includes(other)),
  );
}

/** DfE's words for how the type in another column is put together: the type says it already. */
const NOT_A_TYPE: ReadonlySet<string> = new Set(['individual', 'combined']);

/** Whether a cell beside one that names a school type says nothing of the schools. */
export function saysNoSchoolType(text: string): boolean {
  return NOT_A_TYPE.has(folded(text));
}

/** Words of a title that name the schools it is about; the longest reading wins ("primary, secondary and special"). */
const TITLE_WORDS: readonly (readonly [RegExp, SchoolType])[] = [
  [/\b(pupil referral units?|prus?|alternative provision|ap schools?)\b/i, 'Alternative provision'],
  [/\bprimary\b/i, 'State-funded primary'],
  [/\bsecondary\b/i, 'State-funded secondary'],
  [/\bspecial schools?\b|\band special\b/i, 'Special'],
];

/**
 * Words by which a title may mean other schools than it names ("excluding special", "independent special schools"), and
 * groups of pupils that are called as a phase is (DfE's "SEN primary need").
 */
const MISLEADING =
  /\b(exclud\w+|except\w*|without|not|other than|excl?|non|independent|nurser(y|ies)|all[ -]through|private|(primary|secondary) (sen )?(needs?|reasons?|types?|causes?))\b/i;

/**
 * The school type that a data set's title or description speaks of, for files that have no such column. Never Total by
 * default: a text that names no kind of school says nothing.
 * @returns undefined when the text names none, a combination that is no type of its own, or may mean others
 */
export function schoolTypeInWords(text: string): SchoolType | undefined {
  const title = text.replaceAll('_', ' ');
  if (MISLEADING.test(title)) return undefined;
  const named = TITLE_WORDS.filter(([words]) => words.test(title)).map(([, type]) => type);
  if (named.length === 1) return named[0];
  const all = named.join(' + ');
  if (all === 'State-funded primary + State-funded secondary') return 'State-funded primary and secondary';
  if (all === 'State-funded primary + State-funded secondary + Special') return 'Total';
  return undefined;
}
