/** `brief`: the paragraph, table and chart of the mail, now, for any area. */
import type { Command } from 'commander';
import { composeBrief } from '../alerts/brief.js';
import { gatherBrief } from '../alerts/brief-facts.js';
import { NoFiguresError } from '../alerts/brief-period.js';
import { briefJson } from '../alerts/brief-json.js';
import type { Brief } from '../alerts/brief-model.js';
import { canonicalSchoolType, KNOWN_SCHOOL_TYPES } from '../domain/school-types.js';
import { getSetting } from '../load/runs.js';
import { COMPOSED_LINE, sparkline, table } from '../print.js';
import { oneArea } from './area.js';
import { UsageError, type AddCommand } from './context.js';

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'brief',
    "an area's figures in sentences that can be quoted, with table, chart and sources",
    'absence-watch brief --area Luton',
    async (context, _args, options) => {
      const store = await context.store();
      const area = await oneArea(context, String(options['area']));
      const { neighbours } = context.settings;
      const release = options['release'];
      const schoolType = schoolTypeOption(options['schoolType']);
      try {
        const facts = await gatherBrief(store.db, area.id, {
          ...(typeof release === 'string' ? { release } : {}),
          ...(schoolType === undefined ? {} : { slice: { schoolType, topic: 'Total', breakdown: 'Total' } }),
          neighbours,
        });
        const composed = (await getSetting(store, 'composed')) === true;
        const brief = composeBrief(facts, { composed });
        context.out.result({ ...(composed ? { composed } : {}), ...briefJson(brief) }, () =>
          briefText(brief, facts.otherTypes ?? [], composed),
        );
        return 0;
      } catch (error) {
        if (error instanceof NoFiguresError) throw new UsageError(error.message);
        throw error;
      }
    },
  )
    .requiredOption('--area <name>', 'name, ONS code, DfE code or URN')
    .option('--release <release>', 'slug or title of a release (default: the newest finished period)')
    .option('--school-type <type>', 'school type (default: all schools together, else those with most pupils)');
}

function schoolTypeOption(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined;
  const known = canonicalSchoolType(given);
  if (known === undefined)
    throw new UsageError(`"${given}" is no school type; known are ${KNOWN_SCHOOL_TYPES.join(', ')}.`);
  return known;
}

function briefText(brief: Brief, otherTypes: readonly string[], composed: boolean): string {
  const { nowHeading, beforeHeading } = brief.table;
  const rows = brief.table.rows.map((row) => [
    row.measure,
    row.place,
    row.now,
    ...(beforeHeading === undefined ? [] : [row.before, row.change]),
  ]);
  const lines = (brief.chart?.lines ?? []).map((line) => {
    const byLabel = new Map(line.points.map((point) => [point.label, point.value]));
    return `${sparkline(
      (brief.chart?.labels ?? []).map((label) => byLabel.get(label)),
      brief.chart?.places,
    )}  ${line.name}`;
  });
  return [
    ...(composed ? [COMPOSED_LINE] : []),
    brief.headline,
    ...brief.paragraphs.map((paragraph) => paragraph.sentences.map(({ text }) => text).join(' ')),
    ...(otherTypes.length === 0
      ? []
      : [`Another school type: ${otherTypes.map((type) => `--school-type "${type}"`).join(', ')}.`]),
    table(['measure', 'area', nowHeading, ...(beforeHeading === undefined ? [] : [beforeHeading, 'change'])], rows),
    ...(brief.chart === undefined
      ? []
      : [
          [
            `${brief.chart.title} (${brief.chart.labels[0] ?? ''} to ${brief.chart.labels.at(-1) ?? ''})`,
            ...lines,
          ].join('\n'),
        ]),
    brief.releases
      .map(
        (release) =>
          `${release.title}${release.status === undefined ? '' : ` (${release.status})`}${release.url === undefined ? '' : `: ${release.url}`}`,
      )
      .join('\n'),
  ].join('\n\n');
}
