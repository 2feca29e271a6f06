import { mkdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { buildRaw, messageIdOf, renderMail } from '../../src/alerts/mail.js';
import type { BriefOptions } from '../../src/alerts/brief.js';
import type { BriefArea, BriefFacts } from '../../src/alerts/brief-model.js';
import { decide } from '../../src/alerts/decide.js';
import { eventLabel, lineWords, newsLine, placesOf } from '../../src/alerts/mail-news.js';
import { ruleWords } from '../../src/alerts/rule-words.js';
import { newsPlaces } from '../../src/alerts/mail-precision.js';
import type { MailModel, MailNews, MailSection } from '../../src/alerts/mail-model.js';
import type { Against } from '../../src/alerts/reading.js';
import { academicPeriod } from '../../src/domain/period.js';
import type { Condition } from '../../src/domain/rule.js';
import { lutonFacts, term } from './brief-fixtures.js';
import { LUTON, model, news, section, SITUATIONS } from './mail-fixtures.js';
import { ruleWith } from './rules.js';

const GOLDEN = join(import.meta.dirname, '../golden/mails');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

function held(file: string, text: string): void {
  const path = join(GOLDEN, file);
  if (UPDATE) {
    mkdirSync(GOLDEN, { recursive: true });
    writeFileSync(path, text);
  }
  expect(
    existsSync(path),
    `${file} is missing: UPDATE_GOLDEN=1 npx vitest run test/alerts/mail.test.ts writes it`,
  ).toBe(true);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

describe('golden mails', () => {
  for (const [name, make] of Object.entries(SITUATIONS)) {
    it(`reads as reviewed: ${name.replaceAll('-', ' ')}`, () => {
      const mail = renderMail(make());
      held(`${name}.txt`, `Subject: ${mail.subject}\n\n${mail.text}`);
      held(`${name}.html`, mail.html);
    });
  }
});

/** Every opening tag of a document with its attributes, as text. */
function tags(html: string, name: string): string[] {
  return [...html.matchAll(new RegExp(`<${name}\\b[^>]*>`, 'gi'))].map(([tag]) => tag);
}

describe('a figure that two decimals do not tell from its line', () => {
  const kinds: readonly (readonly [Condition, string, string | undefined])[] = [
    [{ kind: 'above', line: 2, clearBelow: undefined }, '2.004', undefined],
    [{ kind: 'below', line: 2, clearAbove: undefined }, '1.998', undefined],
    [{ kind: 'below', line: 2, clearAbove: undefined }, '1.99996', undefined],
    [{ kind: 'rise', line: 1 }, '2.503', '1.5'],
    [{ kind: 'fall', line: 1 }, '1.5', '2.504'],
    [{ kind: 'gap_to_england', line: 0.5, clearBelow: undefined }, '2.7504', '2.25'],
    [{ kind: 'gap_to_england', line: 0, clearBelow: undefined }, '2.2503', '2.25'],
    [{ kind: 'gap_to_neighbours', line: 0.5, clearBelow: undefined }, '2.7502', '2.25'],
  ];
  for (const [condition, value, other] of kinds)
    it(`is told in words and table alike: ${condition.kind} ${condition.line}, ${value}${other === undefined ? '' : ` and ${other}`}`, () => {
      const year = condition.kind === 'rise' || condition.kind === 'fall' ? 2023 : 2024;
      const who = { rise: 'a year before', fall: 'a year before', gap_to_neighbours: 'neighbours' } as const;
      const against: Against | undefined =
        other === undefined
          ? undefined
          : {
              who: condition.kind in who ? who[condition.kind as keyof typeof who] : 'England',
              ...{ value: other, period: term(year), asOf: undefined },
            };
      const asked = { period: term(2024), asOf: undefined, value, symbol: undefined, enrolments: '40000', against };
      const [event] = decide(ruleWith({ condition }), undefined, [asked]).events;
      expect(event).toMatchObject({ inBreach: true });
      const one = news({
        ...{ event: 'baseline', condition, value, previous: null, threshold: String(condition.line) },
        ...{ reason: event?.reason ?? '', compared: event?.compared ?? null },
      });
      const facts = lutonFacts();
      const severe = (rows: BriefFacts['own'], at: number, rate: string): BriefFacts['own'] =>
        rows.map((row) =>
          row.period.startYear === at ? { ...row, values: { ...row.values, severe_absence_rate: rate } } : row,
        );
      const own = severe(year === 2023 ? severe(facts.own, 2023, other ?? '') : facts.own, 2024, value);
      const england = against?.who === 'England' ? severe(facts.england, 2024, other ?? '') : facts.england;
      const level = condition.kind === 'above' || condition.kind === 'below';
      const options: BriefOptions = {
        ...{ focus: 'severe_absence_rate', atLeast: newsPlaces([one]) },
        ...(level ? { threshold: condition.line, places: placesOf(one) } : {}),
      };
      const { text, subject } = renderMail(model([section({ ...facts, own, england }, [one], options)]));
      const words = text.replace(/\s+/g, ' ');
      expect(words).not.toMatch(/just (over|under)/);
      const told = /severe absence ([\d.]+%)/.exec(one.reason)?.[1] ?? 'nothing';
      expect(subject).toContain(`severe absence ${told},`);
      const table = text.slice(text.indexOf('\nSevere absence'));
      expect(/\n {2}Luton +([\d.]+%)/.exec(table)?.[1]).toBe(told);
      if (against?.who === 'England') expect(table).toMatch(new RegExp(`\n {2}England +${Number(other)}0*%`));
      // Held against the line as a reader does it, who has the printed figures alone.
      const beside = /(?:from |neighbours \(|England \()([\d.]+)%/.exec(one.reason)?.[1];
      const difference = Number(told.slice(0, -1)) - Number(beside ?? 0);
      const printed = condition.kind === 'fall' ? -difference : difference;
      expect(Math.sign(printed - condition.line), one.reason).toBe(condition.kind === 'below' ? -1 : 1);
    });
});

describe('the HTML of every mail', () => {
  for (const [name, make] of Object.entries(SITUATIONS)) {
    const { html, attachments } = renderMail(make());
    it(`keeps the rules of old and careful clients: ${name.replaceAll('-', ' ')}`, () => {
      expect(html).toMatch(/^<!doctype html>\n<html lang="en-GB"/);
      for (const forbidden of ['script', 'iframe', 'form', 'object', 'embed', 'link', 'video', 'svg', 'base'])
        expect(tags(html, forbidden), forbidden).toEqual([]);
      expect(html).not.toMatch(/\son[a-z]+=/i);
      expect(html).not.toMatch(/url\(|@import|position:|float:|display:\s*(flex|grid)/i);
      for (const image of tags(html, 'img')) {
        expect(image).toMatch(/src="cid:[^"]+"/);
        expect(image).toMatch(/alt="Line chart: [^"]{40,}"/);
        expect(image).toMatch(/width="\d+"/);
      }
      const shown = tags(html, 'img').map((image) => /cid:([^"]+)"/.exec(image)?.[1]);
      expect(shown).toEqual(attachments.filter(({ cid }) => cid !== undefined).map(({ cid }) => cid));
      for (const link of tags(html, 'a')) expect(link).toMatch(/href="https:\/\//);
      for (const table of tags(html, 'table'))
        expect(table, 'layout tables are hidden from screen readers').toMatch(/role="presentation"|class="figures/);
      for (const header of tags(html, 'th')) expect(header).toMatch(/scope="(row|col)"/);
      expect(tags(html, 'h1')).toHaveLength(1);
      expect(Math.max(...[...html.matchAll(/(?<!max-)width:(\d+)px/g)].map(([, px]) => Number(px)), 0)).toBe(0);
    });
  }
});

describe('the size of the HTML, which Gmail cuts off at 102 KB', () => {
  /** Sections as long as they come: every paragraph, both tables, the chart. */
  const crowd = (count: number, changes: Parameters<typeof news>[0] = {}): MailSection[] =>
    Array.from({ length: count }, (_, i) => {
      const area: BriefArea = { ...LUTON, name: `Authority ${String(i + 1).padStart(3, '0')}`, code: `E${i}` };
      const facts = lutonFacts();
      const own = facts.own.map((one) => ({ ...one, area: area.name, areaCode: area.code }));
      return section({ ...facts, area, own }, [news({ area, fingerprint: area.code, ...changes })]);
    });
  const sized = (sections: readonly MailSection[]): ReturnType<typeof renderMail> & { bytes: number } => {
    const mail = renderMail(model(sections));
    return { ...mail, bytes: Buffer.byteLength(mail.html) };
  };
  /** What a mail must always say. */
  const always = (html: string): void => {
    for (const needed of ['In short', '>Sources<', 'Open Government Licence', 'You get this mail because'])
      expect(html).toContain(needed);
    expect(html).toContain('To stop these mails');
    expect(html.trimEnd()).toMatch(/<\/html>$/);
  };
  const headings = (html: string): number => tags(html, 'h2').length;
  const named = (mail: ReturnType<typeof renderMail>, name: string): string | undefined =>
    mail.attachments.find(({ filename }) => filename === name)?.content.toString('utf8');

  it('is a few kilobytes for an area, and tells all of them where there is room', () => {
    expect(sized(crowd(1)).bytes).toBeLessThan(12_000);
    const few = sized(crowd(15));
    expect(few.bytes).toBeLessThan(80_000);
    expect(headings(few.html)).toBe(15);
    expect(named(few, 'whole-mail.txt')).toBeUndefined();
    expect(few.html).not.toContain('leaves out');
  });

  it('has a style sheet that Gmail reads: below 16 KB', () => {
    const sheets = [...sized(crowd(1)).html.matchAll(/<style>([^]*?)<\/style>/g)].map(([, sheet = '']) => sheet);
    expect(Buffer.byteLength(sheets.join(''))).toBeLessThan(16_000);
  });

  it('gives as many whole sections as there is room for, and says where the others stand', () => {
    const mail = sized(crowd(40));
    expect(mail.bytes).toBeLessThan(100_000);
    expect(mail.bytes).toBeGreaterThan(90_000);
    always(mail.html);
    const told = headings(mail.html);
    expect(told).toBeLessThan(25);
    expect(mail.html).toContain(`so this one leaves out the last ${25 - told} of 25 sections.`);
    expect(mail.html).toContain('The attached file whole-mail.txt has all of it');
    expect(mail.text.match(/^Authority \d{3}, autumn/gm)).toHaveLength(25);
    expect(mail.text).not.toContain('leaves out');
    expect(named(mail, 'whole-mail.txt')).toBe(mail.text);
    // Pictures of sections that are not there would stand at the foot as attachments of their own.
    expect(mail.attachments.filter(({ cid }) => cid !== undefined)).toHaveLength(told);
    expect(tags(mail.html, 'img')).toHaveLength(told);
  });

  it('goes on after a section that is larger than all of it, in letters of several bytes too, beside the file of events', () => {
    const [first, ...others] = crowd(30);
    if (first === undefined) throw new Error('there are sections');
    const many = Array.from({ length: 120 }, (_, i) =>
      news({
        ...{ area: first.area, value: '9.9', fingerprint: `many ${i}`, rule: 'Łódź – 数' },
        reason: `severe absence 9.9%: ${'“数” '.repeat(90)}`,
      }),
    );
    const mail = sized([{ ...first, news: many }, ...others]);
    expect(mail.bytes).toBeLessThan(100_000);
    expect(mail.bytes).toBeGreaterThan(90_000);
    always(mail.html);
    const told = headings(mail.html);
    expect(told).toBeGreaterThan(5);
    const headed = [...mail.html.matchAll(/<h2>([^,<]+)/g)].map(([, name]) => name);
    expect(headed).not.toContain(first.area.name);
    expect(mail.html).toContain(`so this one leaves out ${25 - told} of 25 sections.`);
    expect(named(mail, 'whole-mail.txt')).toBe(mail.text);
    expect(mail.text).toContain(`\n${first.area.name}, autumn and spring terms 2024/25\n`);
    expect(named(mail, 'alerts.csv')?.trimEnd().split('\r\n')).toHaveLength(1 + 120 + 29);
    const shown = tags(mail.html, 'img').map((image) => /cid:([^"]+)"/.exec(image)?.[1]);
    expect(mail.attachments.flatMap(({ cid }) => (cid === undefined ? [] : [cid]))).toEqual(shown);
    expect(shown).toHaveLength(told);
  });

  it('keeps to it with hundreds of briefs, rules with long names, and characters that HTML writes longer', () => {
    const quiet = crowd(450).map((one) => ({ ...one, news: [] }));
    const briefs = sized(quiet);
    expect(briefs.bytes).toBeLessThan(100_000);
    always(briefs.html);
    expect(briefs.html).toMatch(/the last \d+ of 900 rows of this table and all 450 sections\./);
    const ruled = sized(
      crowd(25).map((one, i) => ({
        ...one,
        news: Array.from({ length: 20 }, (_, j) =>
          news({ area: one.area, rule: `"<${i}-${j}>" ${'&'.repeat(80)}`, fingerprint: `${i} ${j}` }),
        ),
      })),
    );
    expect(ruled.bytes).toBeLessThan(100_000);
    always(ruled.html);
    expect(ruled.html).toMatch(/the last \d+ of 500 rules\./);
  });
});

describe('the subject', () => {
  const subject = (name: string): string => renderMail(SITUATIONS[name]?.() ?? model([])).subject;

  it('says the news of a single alert', () => {
    expect(subject('one-line-crossed')).toBe(
      'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25)',
    );
  });
  it('shows one more decimal where rounding would deny the crossing', () => {
    expect(subject('rounding-would-hide-the-crossing')).toContain('severe absence 2.04%, above your 2.00% line');
  });
  it('says of an alert that an edit closes that it does so, and never that the figure was past the new line', () => {
    const closed = news({ event: 'baseline', inBreach: false, value: '1.5', threshold: '2.5', previous: null });
    expect(newsLine(closed)).toBe(
      'Luton: severe absence 1.5%, not above your 2.5% line: the alert is closed by an edit of the rule (autumn and spring terms 2024/25)',
    );
    expect(eventLabel(closed)).toBe('Closed by an edit of the rule');
    expect(newsLine(news({ event: 'baseline', inBreach: false, value: null, compared: null, symbol: 'c' }))).toBe(
      'Luton: no figure for severe absence that counts, the alert is closed by an edit of the rule (autumn and spring terms 2024/25)',
    );
  });
  it('says of a corrected difference that was between the lines that it still is', () => {
    const condition = { kind: 'gap_to_england', line: 1, clearBelow: 0.5 } as const;
    const corrected = { event: 'corrected', condition, threshold: '1', value: '2.7', previous: '2.8' } as const;
    const stood = { inBreach: true, compared: '0.8' };
    expect(newsLine(news({ ...corrected, compared: '0.7', betweenLines: true, stood }))).toContain(
      'was 2.8%, now 2.7%, 0.7 points above England, still between your line of 1.0 points and your clearing line of 0.5 points (',
    );
  });

  it('names the figure that was revised, where it is not the own one', () => {
    const revised = { event: 'corrected', value: '21.0', previous: '21.0', threshold: '1' } as const;
    const gap = { kind: 'gap_to_england', line: 1, clearBelow: undefined } as const;
    expect(newsLine(news({ ...revised, condition: gap, compared: '1.3' }))).toBe(
      'Luton: the figure of England was revised: severe absence 21.0%, 1.3 points above England, more than your line of 1.0 points (autumn and spring terms 2024/25)',
    );
    const fall = { kind: 'fall', line: 1 } as const;
    expect(newsLine(news({ ...revised, condition: fall, compared: '-0.4', inBreach: false }))).toBe(
      'Luton: the figure of the year before was revised: severe absence 21.0%, up 0.4 points in a year, no longer down by more than your line of 1.0 points (autumn and spring terms 2024/25)',
    );
  });
  it('says of a figure between the lines where it stands, and never that it is still past the line', () => {
    const between = { event: 'reminder', inBreach: true, betweenLines: true } as const;
    expect(newsLine(news({ ...between, value: '1.9', previous: '2.1' }))).toBe(
      'Luton: severe absence 1.9%, no longer above your 2.0% line, but not yet below your clearing line of 1.8% (autumn and spring terms 2024/25)',
    );
    expect(eventLabel(news(between))).toBe('No longer past the line, not yet clear');
    expect(eventLabel(news({ ...between, betweenLines: false }))).toBe('Still past the line');
    const below = { kind: 'below', line: 5, clearAbove: 5.5 } as const;
    expect(newsLine(news({ ...between, condition: below, threshold: '5', value: '5.3' }))).toContain(
      'severe absence 5.3%, no longer below your 5.0% line, but not yet above your clearing line of 5.5%',
    );
    const gap = { kind: 'gap_to_england', line: 1, clearBelow: 0.5 } as const;
    expect(
      newsLine(
        news({ ...between, condition: gap, threshold: '1', value: '2.8', compared: '0.8', reason: 'any words' }),
      ),
    ).toContain(
      'severe absence 2.8%, 0.8 points above England, no longer more than your line of 1.0 points, but not yet below your clearing line of 0.5 points',
    );
    expect(newsLine(news({ ...between, betweenLines: false, value: '2.1' }))).toContain('still above your 2.0% line');
    const again = news({
      ...{ ...between, betweenLines: false, value: '2.1', previous: '1.9' },
      reason: 'severe absence 2.1%, above the line of 2.0% again; it was 1.9% in academic year 2023/24',
    });
    expect(newsLine(again)).toContain('severe absence 2.1%, above your 2.0% line again (');
    expect(eventLabel(again)).toBe('Past the line again');
  });
  it('says of a brief without news which lines its figure is past, and which hold it on the clearing line alone', () => {
    const quiet = (...open: NonNullable<MailSection['open']>): string =>
      renderMail(model([{ ...section(lutonFacts()), open }, section(lutonFacts(), [news()])])).text.replace(
        /\s+/g,
        ' ',
      );
    const severe = { measure: 'severe_absence_rate' } as const;
    const between = { ...severe, rule: 'Two', betweenLines: true };
    expect(quiet(between)).toContain(
      'severe absence 1.5%. No line crossed anew; no longer past the line of Two, not yet clear.',
    );
    expect(quiet({ ...severe, rule: 'One', betweenLines: false }, between)).toContain(
      'No line crossed anew; still past the line of One; no longer past the line of Two, not yet clear.',
    );
  });
  it('says what a difference is of, and how large it is', () => {
    const line = (kind: 'rise' | 'fall' | 'gap', compared: string, inBreach = true): string =>
      newsLine(
        news({
          condition:
            kind === 'gap' ? { kind: 'gap_to_neighbours', line: 3.2, clearBelow: undefined } : { kind, line: 1 },
          ...{ value: '19.0', threshold: kind === 'gap' ? '3.2' : '1', compared, inBreach },
          event: inBreach ? 'crossed' : 'cleared',
        }),
      );
    expect(line('gap', '4.1')).toContain(
      '19.0%, 4.1 points above its statistical neighbours, more than your line of 3.2 points (',
    );
    expect(line('gap', '-0.4', false)).toContain(
      '0.4 points below its statistical neighbours, no longer more than your line of 3.2 points (',
    );
    expect(line('rise', '1.003')).toContain('up 1.003 points in a year, more than your line of 1.00 points (');
    expect(line('fall', '1.5')).toContain('down 1.5 points in a year, more than your line of 1.0 points (');
  });
  it('tells a line below England as one, wherever a line is put in words', () => {
    const of = (line: number, clearBelow?: number, more: Partial<MailNews> = {}): MailNews =>
      news({
        condition: { kind: 'gap_to_england', line, clearBelow },
        ...{ value: '2.2', threshold: String(line), compared: '-0.1', reason: 'any words', ...more },
      });
    const below = of(-0.2, -0.4);
    expect(newsLine(below)).toContain('2.2%, 0.1 points below England, past your line of 0.2 points below England (');
    expect(lineWords(below)).toBe('0.2 points below England');
    // A figure 0.1 points below England is past it, one 0.3 points below is not.
    expect(ruleWords(below)).toBe(
      'severe absence less than 0.2 percentage points below England, or above England, clear again more than 0.4 percentage points below England',
    );
    const between = { event: 'reminder', compared: '-0.3', value: '2.0', betweenLines: true } as const;
    expect(newsLine(of(-0.2, -0.4, between))).toContain(
      '0.3 points below England, no longer past your line of 0.2 points below England, but not yet below your clearing line of 0.4 points below England (',
    );
    expect(lineWords(of(0))).toBe('level with England');
    expect(ruleWords(of(0, -0.1))).toBe(
      'severe absence above England, clear again more than 0.1 percentage points below England',
    );
    expect(ruleWords(of(0.2, 0))).toBe(
      'severe absence more than 0.2 percentage points above England, clear again below England',
    );
    expect(ruleWords(of(0.2, 0.1))).toBe(
      'severe absence more than 0.2 percentage points above England, clear again below 0.1 percentage points',
    );
    const neighbours = { kind: 'gap_to_neighbours', line: -0.2, clearBelow: undefined } as const;
    expect(ruleWords({ ...below, condition: neighbours })).toBe(
      'severe absence less than 0.2 percentage points below the mean of the statistical neighbours, or above that mean',
    );
    expect(newsLine({ ...below, condition: neighbours })).toContain(
      'past your line of 0.2 points below its statistical neighbours (',
    );
  });
  it('names what else of a rule decides its events, where it is not as usual', () => {
    const usual = ruleWith();
    const told = (changes: Partial<typeof usual>, more: Partial<MailNews> = {}): string =>
      ruleWords(news({ settings: { ...usual, ...changes }, ...more }));
    const plain = 'severe absence above 2.0%, clear again below 1.8%';
    expect(told({})).toBe(plain);
    expect(told({ worseBy: 0.25, remind: true })).toBe(
      `${plain}; told again when more than 0.25 percentage points further than last told; told again at each release while past the line`,
    );
    expect(told({ minEnrolments: 1200 })).toBe(`${plain}; figures of fewer than 1,200 pupil enrolments do not count`);
    expect(told({ minEnrolments: 0 })).toBe(`${plain}; figures count however few the pupil enrolments`);
    expect(told({ onSuppressed: 'clear', onMissingArea: 'clear' })).toBe(
      `${plain}; clear again when a figure is withheld; closed when a release has no figure for the area`,
    );
    expect(told({ timeIdentifiers: ['Autumn term', 'Year to date'], sources: ['pupil-attendance-in-schools'] })).toBe(
      `${plain}; figures of autumn term and year to date only; figures of “Pupil attendance in schools” only`,
    );
    const count = { measure: 'severe_absentees', threshold: '500' } as const;
    const condition = { kind: 'above', line: 500, clearBelow: undefined } as const;
    expect(told({ worseBy: 120 }, { ...count, condition })).toBe(
      'severely absent pupils above 500; told again when more than 120 further than last told',
    );
    const worse = model([section(lutonFacts(), [news({ event: 'worse', settings: { ...usual, worseBy: 0.3 } })])]);
    expect(renderMail(worse).text.replace(/\s+/g, ' ')).toContain(
      'Luton severe absence: severe absence above 2.0%, clear again below 1.8%; told again when more than 0.3 percentage points further than last told.',
    );
  });
  it('gives a figure that two decimals do not tell from the line as many as do', () => {
    const close = { value: '2.004', condition: { kind: 'above', line: 2, clearBelow: undefined } } as const;
    expect(newsLine(news(close))).toContain('severe absence 2.004%, above your 2.00% line');
    expect(
      newsLine(news({ ...close, event: 'corrected', value: '1.998', previous: '2.004', inBreach: false })),
    ).toContain('was 2.004%, now 1.998%, no longer above your 2.00% line');
    expect(newsLine(news({ ...close, value: '2.000000000000004' }))).toContain('2.000000000000004%, above your 2.00%');
    // A line of more decimals than two beside a figure that is as near to it.
    const fine = { condition: { kind: 'above', line: 2.002, clearBelow: undefined }, threshold: '2.002' } as const;
    expect(newsLine(news({ ...fine, value: '2.003' }))).toContain('severe absence 2.003%, above your 2.002% line');
  });
  it('gives an estimated count the decimals that tell it from the line', () => {
    const condition = { kind: 'above', line: 120, clearBelow: undefined } as const;
    const counted = { measure: 'persistent_absentees', threshold: '120', condition } as const;
    expect(newsLine(news({ ...counted, value: '120.04' }))).toContain(
      '120.04 persistently absent pupils, above your line of 120',
    );
    expect(newsLine(news({ ...counted, value: '120.6' }))).toContain('121 persistently absent pupils, above your line');
    const gap = { ...counted, condition: { kind: 'rise', line: 120 }, value: '4000', compared: '120.4' } as const;
    expect(newsLine(news(gap))).toContain('4,000 persistently absent pupils, up 120.4 in a year, more than your line');
  });
  it('keeps the figure before a correction on its side of the line', () => {
    const corrected = { event: 'corrected', inBreach: false, value: '1.9', previous: '2.02' } as const;
    expect(newsLine(news({ ...corrected, condition: { kind: 'above', line: 2, clearBelow: undefined } }))).toContain(
      'was 2.02%, now 1.90%, no longer above your 2.00% line',
    );
  });
  it('says of a corrected figure that was not above the line before where it stands, not that it is no longer above', () => {
    const line = (previous: string, value: string, changes: Partial<MailNews>): string =>
      newsLine(news({ event: 'corrected', previous, value, ...changes })).replace(/ \(autumn.*$/, '');
    const between = { inBreach: true, betweenLines: true };
    expect(line('1.7', '1.9', between)).toBe(
      'Luton: severe absence was 1.7%, now 1.9%, no longer below your clearing line of 1.8%',
    );
    expect(line('1.9', '1.8', between)).toContain('still between your line of 2.0% and your clearing line of 1.8%');
    expect(line('2.1', '1.9', between)).toContain('now 1.9%, no longer above your 2.0% line, but not yet below');
    expect(line('1.9', '1.7', { inBreach: false })).toContain('now 1.7%, below your clearing line of 1.8%');
    expect(line('1.7', '1.6', { inBreach: false })).toContain('now 1.6%, still not above your line of 2.0%');
    // Neither was in breach: between the lines a rule stays as it was before.
    expect(line('1.95', '1.9', { inBreach: false })).toContain('now 1.90%, still not above your line of 2.00%');
    expect(line('1.9', '1.8', { inBreach: false })).toContain('now 1.8%, still not above your line of 2.0%');
    expect(line('1.9', '1.79', { inBreach: false })).toContain('now 1.79%, below your clearing line of 1.80%');
  });
  it('names no school type of a single school', () => {
    const area = { name: 'Hill Top School', level: 'School', code: '109123', regionName: undefined };
    const one = news({ area, schoolType: 'State-funded secondary' });
    expect(newsLine(one)).toMatch(/^Hill Top School: severe absence 2\.1%, above your/);
    expect(newsLine({ ...one, topic: 'SEN provision', breakdown: 'SEN support' })).toMatch(
      /^Hill Top School, pupils with SEN support: severe absence/,
    );
  });
  it('says the most important of several and how many more there are', () => {
    expect(subject('several-areas')).toBe(
      'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25), and 2 more',
    );
  });
  it('counts as more what happened, and no brief without an event beside it', () => {
    const briefs = ['Derby', 'Slough'].map((name) =>
      section({ ...lutonFacts(), area: { ...LUTON, name, code: name } }),
    );
    const event = section(lutonFacts(), [news()]);
    const of = (...sections: MailSection[]): string => renderMail(model(sections)).subject;
    expect(of(event, ...briefs)).toBe(
      'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25)',
    );
    expect(of(...briefs)).toMatch(/^Derby: persistent absence 17\.3%.*, and 1 more$/);
  });
  it('counts pupils as a sentence does, and tells rates before counts', () => {
    const count = news({
      ...{
        measure: 'severe_absentees',
        value: '2',
        previous: '1',
        threshold: '1',
        compared: '2',
        fingerprint: 'count',
      },
      condition: { kind: 'above', line: 1, clearBelow: undefined },
      reason: '2 severely absent pupils, above the line of 1',
    });
    expect(newsLine(count)).toBe(
      'Luton: 2 severely absent pupils, above your line of 1 (autumn and spring terms 2024/25)',
    );
    const facts = lutonFacts();
    const both = renderMail(model([section(facts, [count, news()], { focus: 'severe_absence_rate' })]));
    expect(both.subject).toBe(
      'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25), and 1 more',
    );
    const said = both.text.replace(/\s+/g, ' ');
    expect(said).toContain('Luton: 2 severely absent pupils (line: 1). Line crossed.');
    expect(said).toContain(
      'The chart shows the rate, severe absence; your line of 1 is one of severely absent pupils and is not drawn.',
    );
  });
  it('tells a figure too low to print from a withheld one, to a rule that watches for low figures', () => {
    const low = news({
      ...{
        event: 'reminder',
        condition: { kind: 'below', line: 2, clearAbove: undefined },
        value: null,
        compared: null,
        symbol: 'low',
      },
    });
    expect(newsLine(low)).toBe(
      'Luton: severe absence, so low that it rounds to zero, still below your 2.0% line (autumn and spring terms 2024/25)',
    );
    expect(eventLabel(low)).toBe('Still past the line');
    const above = { kind: 'above', line: 2, clearBelow: undefined } as const;
    const cleared = news({ ...low, event: 'cleared', condition: above, inBreach: false });
    for (const symbol of ['low', 'k'])
      expect(newsLine({ ...cleared, symbol }), 'a recovery is no suppression').toBe(
        'Luton: severe absence, so low that it rounds to zero, no longer above your 2.0% line (autumn and spring terms 2024/25)',
      );
    expect(newsLine({ ...cleared, symbol: 'c' })).toContain('severe absence, no figure, no longer above');
    const withheld = { ...low, symbol: 'c' };
    expect(newsLine(withheld)).toContain('no figure for severe absence, the alert on your line of 2.0% stays open');
    expect(eventLabel(withheld)).toBe('No figure, the alert stays open');
  });

  it('says of an open alert over a withheld figure that it stays open', () => {
    const withheld = news({ event: 'reminder', value: null, compared: null, inBreach: true });
    expect(newsLine(withheld)).toBe(
      'Luton: no figure for severe absence, the alert on your line of 2.0% stays open (autumn and spring terms 2024/25)',
    );
    expect(eventLabel(withheld)).toBe('No figure, the alert stays open');
    const facts = lutonFacts();
    const last = facts.own.at(-1) ?? expect.fail('the story has figures');
    const own = [
      ...facts.own.slice(0, -1),
      { ...last, values: { ...last.values, severe_absence_rate: null }, symbols: { severe_absence_rate: 'c' } },
    ];
    const quiet = section({ ...facts, own });
    const other = section(lutonFacts());
    const open = [{ rule: 'Severe', measure: 'severe_absence_rate' }] as const;
    const said = (sections: Parameters<typeof model>[0]): string =>
      renderMail(model(sections)).text.replace(/\s+/g, ' ');
    expect(said([{ ...quiet, open }, other])).toContain(
      'Luton: severe absence, no figure. Withheld so that no pupil can be identified (published as “c”); the alert of Severe stays open.',
    );
    expect(said([quiet, other])).toContain('severe absence, no figure. Withheld so that no pupil can be identified');
    expect(said([{ ...other, open }, quiet])).toContain('No line crossed anew; still past the line of Severe.');
  });
  it('prints a measure with one choice of decimals in summary, reason, prose and table', () => {
    const corrected = news({
      ...{ event: 'corrected', previous: '2.1', value: '2.11', threshold: '0.2', compared: '0.21' },
      condition: { kind: 'gap_to_england', line: 0.2, clearBelow: undefined },
      reason: 'severe absence revised: was 2.10%, now 2.11%, 0.21 percentage points above England (1.90%)',
    });
    const plain = news({ value: '2.11', reason: 'severe absence 2.1%, above the line of 2.0%; it was 1.5% before' });
    const facts = lutonFacts();
    const atLeast = newsPlaces([corrected, plain]);
    const mail = renderMail(model([section(facts, [corrected, plain], { atLeast })]));
    const said = mail.text.slice(0, mail.text.indexOf('What the words mean')).replace(/\s+/g, ' ');
    expect(said).toContain('Severe absence 2.11%, above the line of 2.00%; it was 1.50% before');
    expect(said).toContain('severe absence 2.11%, 0.21 points above England (line: 0.20 points above England)');
    expect(said).toMatch(/570 pupils \(1\.50%/);
    expect(said).not.toMatch(/severe(ly)? absen\w+ \d+\.\d%/i);
    const alone = section(facts, [plain], { places: 2, focus: 'severe_absence_rate' });
    expect(renderMail(model([alone])).text).toContain('severe absence 2.11% (line: 2.00%)');
  });
  it('takes what a figure that got worse is counted from for no other figure that prints alike', () => {
    const worse = news({
      ...{ event: 'worse', previous: '2.14', value: '2.74', compared: '2.74', places: 2 },
      reason:
        'severe absence 2.7%, still above the line of 2.0%, 0.6 percentage points further than the 2.1% last mailed; it was 2.1% before',
    });
    expect(renderMail(model([section(lutonFacts(), [worse])])).text.replace(/\s+/g, ' ')).toContain(
      'Severe absence 2.74%, still above the line of 2.00%, 0.6 percentage points further than the 2.1% last mailed; it was 2.14% before',
    );
  });
  it('keeps the line what it is where the figure before prints alike', () => {
    const condition = { kind: 'above', line: 2, clearBelow: 1.8 } as const;
    const said = (changes: Parameters<typeof news>[0]): string => {
      const corrected = news({ event: 'corrected', condition, ...changes });
      const text = renderMail(model([section(lutonFacts(), [corrected])])).text;
      return text.replace(/\s+/g, ' ');
    };
    const revised = 'severe absence in academic year 2023/24 revised: was 2.03%, now';
    expect(
      said({
        ...{ previous: '2.0263', value: '2.3', compared: '2.3' },
        reason: `${revised} 2.30%, still above the line of 2.0%`,
      }),
    ).toContain('was 2.03%, now 2.30%, still above the line of 2.00%');
    expect(
      said({
        ...{ previous: '2.0263', value: '1.92', compared: '1.92', betweenLines: true },
        reason: `${revised} 1.92%, no longer above the line of 2.0%, but not yet below the clearing line of 1.8%`,
      }),
    ).toContain('no longer above the line of 2.00%, but not yet below the clearing line of 1.80%');
  });
  it('tells one difference of an event wherever it stands, the one of the two figures as printed', () => {
    const condition = { kind: 'rise', line: 1 } as const;
    const rise = news({
      ...{ measure: 'persistent_absence_rate', event: 'crossed', condition, threshold: '1', previous: '22.204' },
      ...{ value: '23.208', compared: '1.004' },
      reason:
        'persistent absence 23.21%, up 1.01 percentage points from 22.20%, more than the line of 1.00 percentage points',
    });
    const text = renderMail(model([section(lutonFacts(), [rise])])).text.replace(/\s+/g, ' ');
    expect(text).toContain('23.21%, up 1.01 percentage points from 22.20%');
    expect(text).toContain('23.21%, up 1.01 points in a year');
    const gap = news({
      ...{ value: '2.36842', compared: '0.27359', threshold: '0.2' },
      condition: { kind: 'gap_to_england', line: 0.2, clearBelow: undefined },
      reason:
        'severe absence 2.4%, 0.3 percentage points above England (2.1%), more than the line of 0.2 percentage points; it was 0.3 percentage points above England before',
    });
    const fine = renderMail(
      model([section(lutonFacts(), [{ ...gap, places: 2 }], { atLeast: { severe_absence_rate: 2 } })]),
    ).text;
    expect(fine.replace(/\s+/g, ' ')).toContain(
      'Severe absence 2.37%, 0.28 percentage points above England (2.09%), more than the line of 0.20 percentage points; it was 0.3 percentage points above England before',
    );
    expect(newsLine({ ...gap, places: 2 })).toContain(
      'severe absence 2.37%, 0.28 points above England, more than your line of 0.20 points',
    );
    const none = { ...rise, event: 'corrected', value: '20.012', previous: '21.3', compared: '0.012' } as const;
    expect(newsLine({ ...none, inBreach: false })).not.toContain('0.0 points');
  });
  it('says COMPOSED first where figures are composed, and claims no licence', () => {
    const mail = renderMail(model([section(lutonFacts(), [news()])], { composed: true }));
    expect(mail.subject).toMatch(/^COMPOSED: Luton/);
    for (const body of [mail.text, mail.html]) {
      expect(body).toContain('COMPOSED');
      expect(body).not.toContain('Open Government Licence');
    }
  });
});

describe('a mail with events of several periods', () => {
  const full = 'absence/academic-year';
  const at = (year: number, changes: Parameters<typeof news>[0]) =>
    news({ period: academicPeriod(year, 'Academic year'), series: full, fingerprint: `${year}`, ...changes });
  const first = at(2021, {
    ...{ event: 'baseline', value: '2.5', previous: null },
    reason: 'first figure under this rule: severe absence 2.5%, above the line of 2.0%',
  });
  const cleared = at(2022, { event: 'cleared', value: '1.7', inBreach: false, reason: 'severe absence 1.7%, below' });
  const again = at(2023, { event: 'crossed', value: '2.2', reason: 'severe absence 2.2%, above' });
  const slough: BriefArea = { name: 'Slough', level: 'Local authority', code: 'E06000039', regionName: 'South East' };
  const other = news({
    area: slough,
    event: 'reminder',
    value: '2.3',
    reason: 'severe absence 2.3%',
    fingerprint: 's',
  });
  const luton = { area: LUTON, series: full, schoolType: 'Total', topic: 'Total', breakdown: 'Total' };
  const mail = (some: readonly MailNews[]) =>
    renderMail(
      model([
        { ...luton, news: some, brief: undefined, chart: undefined },
        section({ ...lutonFacts(), area: slough }, [other]),
      ]),
    );

  it('tells those of a section in order of time, dates what is older than its heading, and says which is the latest', () => {
    const said = mail([again, first, cleared]).text.replace(/\s+/g, ' ');
    const told = [
      'Luton, academic year 2023/24 ',
      'Past the line, academic year 2021/22: First figure under this rule: severe absence 2.5%',
      'No longer past the line, academic year 2022/23: Severe absence 1.7%, below.',
      'Line crossed, the latest of this rule: Severe absence 2.2%, above.',
    ].map((text) => said.indexOf(text));
    expect(told.every((position) => position > 0)).toBe(true);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    expect(said).toMatch(
      /In short .*Luton: severe absence 2\.5% .*Past the line, academic year 2021\/22\. .*Luton: severe absence 1\.7% .*Luton: severe absence 2\.2% .*Line crossed, the latest of this rule\. .*Luton, academic year/,
    );
  });

  it('leads with the newest year, and of one alert with its last event', () => {
    expect(mail([again, first, cleared]).subject).toBe(
      'Slough: severe absence 2.3%, still above your 2.0% line (autumn and spring terms 2024/25), and 3 more',
    );
    const gone = at(2024, { event: 'cleared', value: '1.7', inBreach: false, reason: 'severe absence 1.7%, below' });
    const alone = model([{ ...luton, news: [gone, again], brief: undefined, chart: undefined }]);
    expect(renderMail(alone).subject).toBe(
      'Luton: severe absence 1.7%, no longer above your 2.0% line (academic year 2024/25), and 1 more',
    );
  });

  it('says of the last event of a rule that it is the latest, where newer figures were no news of it', () => {
    const newer = at(2024, { rule: 'Another', value: '2.9', reason: 'severe absence 2.9%, above' });
    const said = mail([first, cleared, newer]).text.replace(/\s+/g, ' ');
    expect(said).toContain(
      'No longer past the line, academic year 2022/23, the latest of this rule: Severe absence 1.7%',
    );
    expect(said).toContain('Line crossed: Severe absence 2.9%');
  });

  it('tells what one rule made of one figure in the order in which it did', () => {
    const corrected = { ...again, event: 'corrected', value: '1.9', previous: '2.2', inBreach: false } as const;
    const twice = [
      { ...cleared, period: again.period },
      { ...corrected, reason: 'revised', fingerprint: 'c' },
    ];
    const said = mail(twice).text.replace(/\s+/g, ' ');
    expect(said).toMatch(
      /No longer past the line: Severe absence 1\.7%, below\. .*Corrected figure, the latest of this rule: Revised/,
    );
  });
});

async function parsed(made: MailModel): Promise<{ raw: string; mail: Awaited<ReturnType<typeof simpleParser>> }> {
  const raw = await buildRaw(made);
  return { raw: raw.toString('latin1').replace(/\r\n[ \t]+/g, ' '), mail: await simpleParser(raw) };
}

describe('the message on the wire', () => {
  const made = (): MailModel => SITUATIONS['cleared']?.() ?? model([]);

  it('has both bodies, the picture inside, and the headers of automatic mail', async () => {
    const { mail, raw } = await parsed(made());
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(raw).toContain('List-ID: "attendance-team" <attendance-team.absence-watch.luton.example>');
    expect(mail.to).toMatchObject({ text: 'officer@luton.example' });
    expect(mail.date).toEqual(new Date('2025-10-23T08:41:00Z'));
    expect(mail.text).toContain('No longer past the line');
    expect(typeof mail.html).toBe('string');
    expect(mail.attachments.map(({ contentType, contentDisposition }) => [contentType, contentDisposition])).toEqual([
      ['image/png', 'inline'],
    ]);
  });

  it('refers to the earlier mails of a single alert', async () => {
    const { mail } = await parsed(made());
    expect(mail.inReplyTo).toBe('<second@luton.example>');
    expect(mail.references).toEqual(['<first@luton.example>', '<second@luton.example>']);
  });

  it('is the same byte for byte when it is built again', async () => {
    expect((await buildRaw(made())).equals(await buildRaw(made()))).toBe(true);
  });

  it('has a Message-ID that recipient, versions and events decide, whatever their order', () => {
    const two = [news(), news({ fingerprint: 'other' })];
    const id = messageIdOf(model([section(lutonFacts(), two)], { versions: ['a', 'b'] }));
    expect(id).toMatch(/^<[0-9a-f]{40}@luton\.example>$/);
    expect(
      messageIdOf(model([section(lutonFacts(), [...two].reverse())], { versions: ['b', 'a'], date: new Date(0) })),
    ).toBe(id);
    expect(messageIdOf(model([section(lutonFacts(), two)], { versions: ['a', 'c'] }))).not.toBe(id);
    expect(
      messageIdOf(model([section(lutonFacts(), two)], { versions: ['a', 'b'], to: 'desk@luton.example' })),
    ).not.toBe(id);
    expect(messageIdOf(model([section(lutonFacts(), [news()])], { versions: ['a', 'b'] }))).not.toBe(id);
  });

  it('attaches all events as CSV above 25 areas, and tells 25 of them', async () => {
    const { mail } = await parsed(SITUATIONS['more-areas-than-a-mail-holds']?.() ?? model([]));
    const csv = mail.attachments.find(({ filename }) => filename === 'alerts.csv')?.content.toString('utf8') ?? '';
    expect(csv.trimEnd().split('\r\n')).toHaveLength(28);
    expect(mail.text).toContain('2 more areas are in the attached file');
    expect(
      mail.text?.match(/^Authority \d\d, autumn and spring$/gm) ?? mail.text?.match(/^Authority \d\d, autumn/gm),
    ).toHaveLength(25);
  });

  it('tells a brief that was asked for however many areas have news', async () => {
    const crowded = SITUATIONS['more-areas-than-a-mail-holds']?.() ?? model([]);
    const { mail } = await parsed({ ...crowded, sections: [...crowded.sections, section(lutonFacts())] });
    expect(mail.text?.replace(/\s+/g, ' ')).toContain('6,569 pupil enrolments in Luton');
    expect(mail.text).toContain('2 more areas are in the attached file');
  });
});

describe('what comes from outside', () => {
  const evil =
    'Lu\r\nBcc: everyone@evil.example\r\n\r\n<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202etxt\u2028';
  const facts = lutonFacts();
  const poisoned = model(
    [
      section(
        {
          ...facts,
          area: { ...LUTON, name: evil },
          own: facts.own.map((one) => ({ ...one, area: evil })),
          releases: facts.releases.map((release) => ({
            ...release,
            title: evil,
            dataSet: evil,
            url: 'javascript:alert(1)',
          })),
        },
        [news({ area: { ...LUTON, name: evil }, rule: evil, reason: evil })],
      ),
    ],
    { groups: [evil], owner: evil, notices: [evil], references: ['<a@b>\r\nBcc: x@evil.example'] },
  );

  it('starts no header, in area names, rule names, release titles, groups or references', async () => {
    const raw = (await buildRaw(poisoned)).toString('latin1');
    const head = raw.slice(0, raw.indexOf('\r\n\r\n'));
    const names = head
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map((line) => line.slice(0, line.indexOf(':')));
    expect(names.sort()).toEqual(
      [
        'Auto-Submitted',
        'Content-Type',
        'Date',
        'From',
        'In-Reply-To',
        'List-ID',
        'MIME-Version',
        'Message-ID',
        'References',
        'Subject',
        'To',
      ].sort(),
    );
  });

  it('makes no element, attribute or link', () => {
    const { html } = renderMail(poisoned);
    expect(tags(html, 'script')).toEqual([]);
    expect(tags(html, 'img').every((image) => image.includes('cid:') && !/\sonerror=alert\(1\)>/.test(image))).toBe(
      true,
    );
    expect(html).not.toContain('javascript:');
    expect(html).toContain('&lt;script&gt;');
  });

  it('turns no sentence round and breaks no line of the plain text', () => {
    const { subject, text } = renderMail(poisoned);
    expect(subject).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
    expect(text).not.toMatch(/[\r\u2028\u202e]/);
  });

  it('gives spreadsheets no formula to run', () => {
    const area = { ...LUTON, name: '=HYPERLINK("http://evil.example")' };
    const many = Array.from({ length: 26 }, (_, i) => ({
      ...section({ ...lutonFacts(), area: { ...area, code: String(i) } }, [
        news({ area, fingerprint: String(i), value: '-2.1' }),
      ]),
    }));
    const csv =
      renderMail(model(many))
        .attachments.find(({ filename }) => filename === 'alerts.csv')
        ?.content.toString() ?? '';
    expect(csv).toContain(`"'=HYPERLINK(""http://evil.example"")"`);
    expect(csv).toContain(',-2.1,');
  });
});
