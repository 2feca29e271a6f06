/** The shape of the YAML file: strict, every key described, the source of the JSON Schema. */
import * as z from 'zod';
import type { GeographicLevel } from '../domain/area.js';
import { MEASURES } from '../domain/measure.js';
import { nearest } from '../domain/names.js';
import { USUAL_MIN_ENROLMENTS } from '../domain/rule.js';
import { cronProblems, knownTimezone } from './schedule.js';
import { parseDuration, parseMailbox } from './words.js';

export const LEVELS = [
  'National',
  'Regional',
  'Local authority',
  'School',
  'Local authority district',
  'Parliamentary constituency',
  'Ward',
  'Local enterprise partnership',
  'Local skills improvement plan area',
  'English devolved area',
  'Mayoral combined authority',
  'Opportunity area',
  'Police force area',
  'RSC region',
  'MAT',
  'Sponsor',
  'Provider',
  'Institution',
  'Planning area',
] as const satisfies readonly GeographicLevel[];

/** What a rule may name: the finished periods, and the running ones, which are watched only where named. */
export const TIME_IDENTIFIERS = [
  'Academic year',
  'Autumn term',
  'Spring term',
  'Summer term',
  'Autumn and spring term',
  'Year to date',
  'Week',
] as const;

/** The six conditions, of which a rule has exactly one. */
export const CONDITIONS = ['above', 'below', 'rise', 'fall', 'gap_to_england', 'gap_to_neighbours'] as const;
export type ConditionKind = (typeof CONDITIONS)[number];

/** One line of text, with nothing in it that could begin another header line of a mail. */
function line(most: number) {
  return z
    .string()
    .max(most)
    .refine((text) => text.trim() !== '', 'is empty')
    .refine((text) => !/[\p{Cc}\u2028\u2029]/u.test(text), 'must be one line without control characters');
}

/** Text that `explain` finds fault with. */
function checked(explain: (text: string) => readonly string[]) {
  return z.string().superRefine((text, context) => {
    for (const message of explain(text)) context.addIssue({ code: 'custom', message });
  });
}

const duration = checked((text) =>
  parseDuration(text) ? [] : ['is no length of time: write a number and a unit, such as 5 days, 2 weeks or 1 year'],
).describe("A number and a unit: '30 minutes', '5 days', '2 years'");

const keptFor = checked((text) =>
  text === 'forever' || parseDuration(text)
    ? []
    : ['is no length of time: write forever, or a number and a unit, such as 2 years'],
).describe("'forever', or a number and a unit such as '2 years'");

// The address itself is not repeated: messages of the configuration also go to the log.
const mailbox = checked((text) =>
  parseMailbox(text) ? [] : ['is not one mail address: write name@example.org or "Name <name@example.org>"'],
).describe('name@example.org or "Name <name@example.org>"');

const slug = line(200).regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, {
  error: 'is no publication: write the last part of its address on EES, such as pupil-absence-in-schools-in-england',
});

const webAddress = checked((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && (url.protocol === 'https:' || url.protocol === 'http:')
    ? []
    : ['is no web address: it begins with https:// or http://'];
});

const dataSets = z
  .strictObject({
    include: z.array(line(300)).max(500).optional(),
    exclude: z.array(line(300)).max(500).optional(),
  })
  .describe('Data sets by id, file name or title; with `include` those alone, without it all that give something');

/** One item or a list of them. */
function listOf<T extends z.ZodType>(item: T, most: number) {
  return z.union([item, z.array(item).min(1).max(most)]);
}

const areaSelector = z.union([
  line(200).describe('A name, an ONS code, the three digits of DfE, a URN, or all'),
  z.number().int().positive(),
  z.strictObject({
    level: z.enum(LEVELS),
    within: z
      .union([line(200), z.number().int().positive()])
      .optional()
      .describe('A region or an authority'),
  }),
]);

const areas = listOf(areaSelector, 5000);
const notify = listOf(line(100), 200).describe('Groups of `recipients`');
const points = z.number().min(-1e9).max(1e9);
const positive = z.number().gt(0).max(1e9);
const onNoFigure = z.enum(['keep', 'clear']);

function timezoneProblems(name: string): string[] {
  if (knownTimezone(name) !== undefined) return [];
  const near = nearest(name, Intl.supportedValuesOf('timeZone'));
  return [
    near === undefined
      ? 'is no time zone: write one such as Europe/London'
      : `is no time zone; did you mean "${near}"?`,
  ];
}

export const ruleSchema = z
  .strictObject({
    name: line(200).describe("A rule's name is its identity"),
    measure: z.enum(MEASURES),
    areas,
    above: points.optional().describe('Percent (or a count): more than'),
    below: points.optional().describe('Percent (or a count): less than'),
    rise: points.optional().describe('Percentage points more than in the same period a year before'),
    fall: points.optional().describe('Percentage points less than in the same period a year before'),
    gap_to_england: points.optional().describe('Percentage points more than England'),
    gap_to_neighbours: points.optional().describe('Percentage points more than the mean of the statistical neighbours'),
    clear_below: points.optional(),
    clear_above: points.optional(),
    worse_by: positive.optional().describe('Points further than when last mailed'),
    school_type: line(200)
      .optional()
      .describe('Default: Total; of schools that are named, or selected by their level, the kind that each of them is'),
    breakdown: z.strictObject({ topic: line(200), value: line(200) }).optional(),
    time_identifiers: listOf(z.enum(TIME_IDENTIFIERS), 20).optional().describe('Default: every finished period'),
    sources: listOf(slug, 50).optional(),
    data_sets: dataSets.optional(),
    min_enrolments: z.number().int().min(0).max(10_000_000).default(USUAL_MIN_ENROLMENTS),
    on_suppressed: onNoFigure.default('keep'),
    on_missing_area: onNoFigure.default('keep'),
    remind: z.literal('each release').optional(),
    notify: notify.optional(),
  })
  .meta({ oneOf: CONDITIONS.map((condition) => ({ required: [condition] })) });

export const configurationSchema = z.strictObject({
  schedule: z
    .strictObject({
      cron: listOf(checked(cronProblems), 20).default(['*/2 9-10 * * 1-5', '*/15 7-19 * * *']),
      timezone: checked(timezoneProblems).default('Europe/London'),
    })
    .prefault({}),
  sources: z
    .array(z.strictObject({ publication: slug, data_sets: dataSets.optional() }))
    .min(1)
    .max(50)
    .default([{ publication: 'pupil-absence-in-schools-in-england' }, { publication: 'pupil-attendance-in-schools' }]),
  recipients: z.record(line(100), listOf(mailbox, 1000)).default({}),
  rules: z.array(ruleSchema).max(5000).default([]),
  briefs: z.array(z.strictObject({ areas, notify })).max(1000).default([]),
  mail: z
    .strictObject({
      from: mailbox.optional(),
      reply_to: mailbox.optional(),
      operator: listOf(mailbox, 50).optional(),
      owner: line(300).optional(),
      tls: z.enum(['required', 'off']).default('required'),
      max_per_hour: z.number().int().min(1).max(1_000_000).default(200),
      retry_for: duration.default('5 days'),
    })
    .prefault({}),
  neighbours: line(1000).optional(),
  heartbeat_url: webAddress.optional(),
  failures_before_mail: z.number().int().min(1).max(1000).default(3),
  retention: z
    .strictObject({
      versions: keptFor.default('forever'),
      runs: keptFor.default('2 years'),
      mails: keptFor.default('2 years'),
    })
    .prefault({}),
  data_directory: line(1000).default('./data'),
  contact: line(200)
    .optional()
    .describe(
      'In the User-Agent, for the people who run EES; default: the first address of mail.operator, else that of mail.from',
    ),
  page: z.strictObject({ enabled: z.boolean().default(true), exposed: z.boolean().default(false) }).prefault({}),
});

export type Configuration = z.output<typeof configurationSchema>;
export type RuleConfiguration = z.output<typeof ruleSchema>;

/** The JSON Schema (draft 7) of the file, for editors that complete and check YAML. */
export function configSchema(): Record<string, unknown> {
  return {
    title: 'absence-watch configuration',
    ...z.toJSONSchema(configurationSchema, { io: 'input', target: 'draft-7' }),
  };
}
