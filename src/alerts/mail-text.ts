/** The plain part of a mail: lines of at most 72 letters, tables as columns. */
import type { MailView, SectionView, SummaryRow } from './mail-view.js';

const WIDTH = 72;

/** Breaks at blanks; a word longer than the line (an address) stays whole. */
function wrap(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((one) => indent + one).join('\n');
}

function heading(text: string, underline: string): string {
  const wrapped = wrap(text);
  return `${wrapped}\n${underline.repeat(Math.max(...wrapped.split('\n').map((line) => line.length)))}`;
}

/** Columns as wide as their widest cell; all but the first to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** @returns text that ends with a line end */
export function mailText(view: MailView): string {
  const blocks: string[] = [
    ...view.banners.map((banner) => wrap(banner)),
    ...(view.summary.length === 0 ? [] : [heading('In short', '='), view.summary.map(summaryLine).join('\n')]),
    ...(view.moreAreas === '' ? [] : [wrap(view.moreAreas)]),
    ...view.sections.flatMap(section),
    ...(view.notices.length === 0
      ? []
      : [heading('What is missing', '-'), ...view.notices.map((notice) => wrap(notice))]),
    heading('What the words mean', '-'),
    view.definitions.map((line) => wrap(line)).join('\n'),
    ...(view.rules.length === 0
      ? []
      : [
          heading('Rules', '-'),
          [...view.rules, ...(view.owner === '' ? [] : [view.owner])].map((line) => wrap(line)).join('\n'),
        ]),
    ...(view.sources.length === 0 && view.licence === null
      ? []
      : [
          heading('Sources', '-'),
          [
            ...view.sources.map(({ text, url }) => (url === '' ? wrap(text) : `${wrap(text)}\n${url}`)),
            ...(view.licence === null ? [] : [`${wrap(view.licence.text)}\n${view.licence.url}`]),
          ].join('\n'),
        ]),
    '-- ',
    view.foot.map((line) => wrap(line)).join('\n'),
  ];
  return `${blocks.join('\n\n')}\n`.replace('-- \n\n', '-- \n');
}

/** '- Luton: severe absence 2.1% (line: 2.0%). Line crossed. Rule: Luton severe absence.' */
function summaryLine({ who, figure, difference, line, event, rule }: SummaryRow): string {
  const told = `${who}: ${figure}${difference === '' ? '' : `, ${difference}`}${line === '' ? '' : ` (line: ${line})`}. ${event}.${rule === '' ? '' : ` Rule: ${rule}.`}`;
  return `- ${wrap(told, '  ').slice(2)}`;
}

function section(view: SectionView): string[] {
  return [
    heading(view.heading, '='),
    ...view.news.map(({ label, reason, rule }) => wrap(`${label}: ${reason} Rule: ${rule}.`)),
    ...view.paragraphs.map((paragraph) => wrap(paragraph)),
    ...(view.table === null ? [] : [table(view.table)]),
    ...(view.chart === null ? [] : [wrap(view.chart.alt)]),
    ...(view.chartNote === '' ? [] : [wrap(view.chartNote)]),
    ...(view.ended === '' ? [] : [wrap(view.ended)]),
  ];
}

function table({ caption, captionInText, now, before, groups }: NonNullable<SectionView['table']>): string {
  const rows = groups.flatMap(({ measure, rows: some }) => [
    [measure, now, ...(before === '' ? [] : [before, 'change'])],
    ...some.map((row) => [`  ${row.place}`, row.now, ...(before === '' ? [] : [row.before, row.change])]),
  ]);
  return `${captionInText ? `${wrap(caption)}\n` : ''}${columns(rows)}`;
}
