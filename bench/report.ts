/** Results as a page. */
import { cpus, totalmem } from 'node:os';
import type { Poll, Release, Ruled } from './daily.js';
import type { BenchFile } from './files.js';
import type { Spent } from './measure.js';
import type { Reading } from './reading.js';

export interface Way {
  readonly name: string;
}

export interface FileResult {
  readonly file: BenchFile;
  /** Ours first, then the bare copy, then the hand-written load. */
  readonly ways: readonly (Way & { readonly runs: readonly Spent[]; readonly median: Spent })[];
  /** Of what ours loaded. */
  readonly reading: Reading;
}

export interface Results {
  readonly server: string;
  readonly files: readonly FileResult[];
  readonly ruled: Ruled;
  readonly release: Release;
  readonly polls: readonly Poll[];
  readonly hasPsql: boolean;
  readonly ten: boolean;
}

export function report(results: Results): string {
  return [
    '# Measurements',
    '',
    'Written by `npm run bench`. Compare ratios, not seconds: they are of one run on one machine.',
    '',
    machine(results),
    '',
    ...results.files.flatMap(fileSection),
    ...growth(results.files),
    ...reading(results.files),
    ...daily(results),
  ].join('\n');
}

function machine({ server, hasPsql }: Results): string {
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  return `Machine: ${cpus().length} virtual processors (shared with the database server), ${gigabytes} GB of memory, Node ${process.versions.node}, ${server}, on this machine, otherwise as installed.${hasPsql ? '' : ' No psql here: the bare and the hand-written load go through pg-copy-streams inside the measuring process, so their memory is not told.'}`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);
const cpu = (value: number | undefined): string => (value === undefined ? '?' : value.toFixed(1));
const mebibytes = (value: number | undefined): string => (value === undefined ? '?' : value.toFixed(0));
const number = (value: number): string => Math.round(value).toLocaleString('en-GB');
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(' | ')} |`,
  `| ${head.map((_, index) => (index === 0 ? '---' : '---:')).join(' | ')} |`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
];

function fileSection({ file, ways }: FileResult): string[] {
  const [ours, bare, hand] = ways;
  const ratio = (of: Spent, to: Spent | undefined): string =>
    to === undefined ? '' : (of.wallMs / to.wallMs).toFixed(2);
  return [
    `## ${number(file.bytes / 1e6)} MB: ${file.what}`,
    '',
    `${number(file.rows)} rows, unpacked. Ours is the whole process from start to exit (\`node dist/src/cli.js backfill --file\`) into an empty schema: migration, hash, gates, difference, indexes and evaluation included. The hand-written load casts into a table with as many indexes, of the same kinds, whose keys stay text. Medians of the runs.`,
    '',
    ...table(
      [
        'way',
        'runs',
        'wall s',
        'least to most',
        'CPU client s',
        'CPU server s',
        'peak MiB',
        'WAL MB',
        'rows/s',
        '× bare',
        '× hand-written',
      ],
      ways.map(({ name, runs, median }) => {
        const walls = runs.map(({ wallMs }) => wallMs);
        return [
          name,
          String(runs.length),
          seconds(median.wallMs),
          `${seconds(Math.min(...walls))} to ${seconds(Math.max(...walls))}`,
          cpu(median.clientCpu),
          cpu(median.serverCpu),
          mebibytes(Math.max(...runs.map(({ peakMiB }) => peakMiB ?? NaN)) || undefined),
          number(median.walBytes / 1e6),
          number((file.rows / median.wallMs) * 1000),
          ratio(median, bare?.median),
          ratio(median, hand?.median),
        ];
      }),
    ),
    '',
    ours === undefined || hand === undefined
      ? ''
      : `Ours against hand-written: ${ratio(ours.median, hand.median)} of its time (the aim is at most 1); peak memory ${mebibytes(ours.median.peakMiB)} MiB (the aim is at most 200).`,
    '',
  ];
}

function growth(files: readonly FileResult[]): string[] {
  const [one, ten] = files.map(({ file, ways }) => ({ rows: file.rows, spent: ways[0]?.median }));
  if (one?.spent === undefined || ten?.spent === undefined) return ['Only the one file was measured (`--quick`).', ''];
  return [
    '## From one to ten',
    '',
    `${(ten.rows / one.rows).toFixed(1)} times the rows took ${(ten.spent.wallMs / one.spent.wallMs).toFixed(1)} times as long (client CPU ${((ten.spent.clientCpu ?? NaN) / (one.spent.clientCpu ?? NaN)).toFixed(1)} times, server CPU ${((ten.spent.serverCpu ?? NaN) / (one.spent.serverCpu ?? NaN)).toFixed(1)} times, WAL ${(ten.spent.walBytes / one.spent.walBytes).toFixed(1)} times) and ${((ten.spent.peakMiB ?? NaN) / (one.spent.peakMiB ?? NaN)).toFixed(1)} times the memory (${mebibytes(one.spent.peakMiB)} and ${mebibytes(ten.spent.peakMiB)} MiB).`,
    '',
  ];
}

function reading(files: readonly FileResult[]): string[] {
  return [
    '## On disk, and read back',
    '',
    'The table of figures after the load, and questions to the view `absence`, warm, the better of two.',
    '',
    ...table(
      [
        'file',
        'rows',
        'table MB',
        'indexes MB',
        'Luton, all years, ms',
        'all authorities, one year, ms',
        'all figures, ms',
      ],
      files.map(({ file, reading: read }) => [
        file.what,
        number(file.rows),
        number(read.tableBytes / 1e6),
        number(read.indexBytes / 1e6),
        number(read.areaMs),
        number(read.authoritiesMs),
        number(read.everythingMs),
      ]),
    ),
    '',
  ];
}

function daily({ ruled, release, polls }: Results): string[] {
  const poll = [...polls].sort((a, b) => a.wallMs - b.wallMs)[Math.floor(polls.length / 2)];
  return [
    '## An ordinary day',
    '',
    'Each line is a whole process from start to exit; a service that is running already saves its start. EES is a stand-in on this machine with composed releases.',
    '',
    ...table(
      ['what', 'wall s', 'CPU client s', 'CPU server s', 'peak MiB', 'besides'],
      [
        ...(poll === undefined
          ? []
          : [
              [
                'an unchanged poll',
                seconds(poll.wallMs),
                cpu(poll.clientCpu),
                cpu(poll.serverCpu),
                mebibytes(poll.peakMiB),
                `${poll.requests} requests, ${number(poll.bytes)} bytes of answers`,
              ],
            ]),
        [
          'a release of all authorities',
          seconds(release.ran.wallMs),
          cpu(release.ran.clientCpu),
          cpu(release.ran.serverCpu),
          mebibytes(release.ran.peakMiB),
          `${seconds(release.acceptedMs)} s from publication to the last of ${release.mails} mails accepted`,
        ],
        [
          `${number(ruled.rules)} new rules over all schools`,
          seconds(ruled.ran.wallMs),
          cpu(ruled.ran.clientCpu),
          cpu(ruled.ran.serverCpu),
          mebibytes(ruled.ran.peakMiB),
          `${number(ruled.schools)} schools of all years, each watched by the rules of its authority; ${number(ruled.states)} states written`,
        ],
      ],
    ),
    '',
  ];
}
