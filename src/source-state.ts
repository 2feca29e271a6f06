/** What is known of the sources between runs: written by the pipeline, read by status, health and the mails. */
import * as z from 'zod';

/** Its row in the database. */
export const SOURCE = 'ees';

const degraded = z.object({
  source: z.string(),
  route: z.string(),
  reason: z.string(),
  missing: z.array(z.string()),
  /** ISO time of the first poll that met it. */
  since: z.string().optional(),
  /** What the operator hears of once: the official API, the website, or one route of the website. */
  way: z.string().default('EES'),
  /** vanished: gone or of another shape, wants a human; unreachable: may pass. */
  kind: z.enum(['vanished', 'unreachable']).optional(),
  /** Of what is not there and may come (files, publications): polls in a row; the operator is mailed after as many as of an outage. */
  failures: z.number().int().optional(),
});
const skipped = z.object({ title: z.string(), release: z.string(), reason: z.string() });
const next = z.object({ publication: z.string(), nextReleaseDate: z.string().nullable() });

const unmatched = z.object({
  /** Slug, as the configuration has it. */
  publication: z.string(),
  list: z.enum(['include', 'exclude']),
  entry: z.string(),
});

const leftAlone = z.object({
  api: z.enum(['content', 'official']),
  /** ISO time before which the schedule does not ask it. */
  until: z.string(),
  /** How it asked for time, in words. */
  said: z.string(),
});

const noticed = z.object({
  publication: z.string(),
  /** Title; null where the whole data set, or the publication, is meant. */
  release: z.string().nullable(),
  /** Title, with the version where one is meant; null where the release, or the publication, is. */
  data_set: z.string().nullable(),
  what: z.enum([
    'amended in text only',
    'no longer latest',
    'renamed',
    'no longer listed',
    'superseded',
    'deprecated',
    'withdrawn',
    'removed from its release',
  ]),
  /** The publisher's own note on an amendment; as what a publication is followed now. */
  note: z.string().nullable(),
  /** ISO time at which it happened, or was noticed where EES does not tell. */
  at: z.string(),
  /** ISO time of the run that noticed it. */
  seen: z.string(),
});

const sourceState = z.object({
  /** What extract wants to be told at the next poll: nobody else reads it. */
  memory: z.unknown(),
  lastPoll: z.string().nullable(),
  /** When both ways, or the one that is left, last answered. */
  lastGoodPoll: z.string().nullable(),
  /** Runs in a row that failed. */
  failures: z.number().int(),
  lastError: z.string().nullable(),
  degraded: z.array(degraded),
  skipped: z.array(skipped),
  next: z.array(next),
  /** Entries of `data_sets` in the configuration of the last run that name nothing. */
  unmatched: z.array(unmatched).default([]),
  /** Oldest first. */
  noticed: z.array(noticed).default([]),
  /** Hosts that asked for more time than a run waits. */
  leftAlone: z.array(leftAlone).default([]),
});

export type Unmatched = z.infer<typeof unmatched>;
export type Noticed = z.infer<typeof noticed>;
export type SourceState = z.infer<typeof sourceState>;

export const NO_SOURCE_STATE: SourceState = {
  memory: null,
  lastPoll: null,
  lastGoodPoll: null,
  failures: 0,
  lastError: null,
  degraded: [],
  skipped: [],
  next: [],
  unmatched: [],
  noticed: [],
  leftAlone: [],
};

/** What was stored, or nothing where another version of the program stored something else. */
export function readSourceState(stored: unknown): SourceState {
  const parsed = sourceState.safeParse(stored);
  return parsed.success ? parsed.data : NO_SOURCE_STATE;
}
