/**
 * What a reader is told of figures that were amended before anybody tried to mail him: by year, value after value, with the
 * first mails sent and the last ones waiting. In plain words: what stood, what came, what the mail says.
 */
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { composeDue } from '../../src/alerts/compose.js';
import { evaluate } from '../../src/alerts/evaluate.js';
import { releaseDue } from '../../src/alerts/queue.js';
import type { Rule } from '../../src/domain/rule.js';
import { freshStore } from '../support/database.js';
import { FiguresWorld, year } from './figures-world.js';
import { ruleWith } from './rules.js';

/** First calendar year of a release, and severe absence of Luton (and of England) in it. */
type Figures = readonly (readonly [year: number, value: string, england?: string])[];

interface Mail {
  readonly subject: string;
  readonly text: string;
}

/**
 * The mails after some figures were mailed, and others came while nothing was tried.
 * @param written once, at the end, or anew with each figure, as runs do while the queue waits
 */
async function story(
  rule: Partial<Rule>,
  mailed: Figures,
  waiting: Figures,
  written: 'once' | 'each' = 'once',
): Promise<Mail[]> {
  const store = await freshStore('postgres');
  const world = new FiguresWorld(store);
  const rules = [ruleWith(rule)];
  let day = 0;
  const now = (): Date => new Date(Date.UTC(2027, 0, ++day));
  const come = async (figures: Figures): Promise<void> => {
    for (const [start, value, england] of figures) {
      const at = now();
      await world.load(year(start, { Luton: value, England: england }, { published: at.toISOString() }));
      const recipients = { team: ['attendance@luton.example'] };
      await evaluate(store, { rules, recipients, briefs: [], runId: null, now: at, paused: false });
    }
  };
  const write = async (): Promise<void> => {
    const at = now();
    await releaseDue(store, 'all', at);
    const from = 'Absence watch <absence@luton.example>';
    const neighbours = new Map<string, string[]>();
    await composeDue(store, {
      now: at,
      from,
      rules,
      neighbours,
      replyTo: undefined,
      owner: undefined,
      composed: false,
    });
  };
  const mails = async (): Promise<Mail[]> => {
    await write();
    const sent = await store.db
      .updateTable('mail')
      .set({ state: 'sent', sent_at: now() })
      .where('state', '=', 'queued')
      .returning(['subject', 'raw'])
      .execute();
    return Promise.all(
      sent.map(async ({ subject, raw }) => {
        const { text = '' } = await simpleParser(Buffer.from(raw));
        return { subject, text: text.replaceAll(/\s+/g, ' ') };
      }),
    );
  };
  for (const figure of mailed) {
    await come([figure]);
    await mails();
  }
  for (const figure of waiting) {
    await come([figure]);
    if (written === 'each') await write();
  }
  return mails();
}

const above = { condition: { kind: 'above', line: 2.5, clearBelow: undefined } } as const;
const IN = ' (academic year 2023/24)';

describe('news of an alert that is amended before anybody is mailed of it', () => {
  const OPEN: Figures = [
    [2021, '2.0'],
    [2022, '3.0'],
  ];

  it.each<[string, Partial<Rule>, Figures, string | undefined]>([
    [
      'worse, then past the line no longer: told as that',
      { worseBy: 0.5 },
      [
        [2023, '3.8'],
        [2023, '2.4'],
      ],
      'severe absence 2.4%, no longer above your 2.5% line',
    ],
    [
      'worse, then by too little: not told',
      { worseBy: 0.5 },
      [
        [2023, '3.8'],
        [2023, '3.2'],
      ],
      undefined,
    ],
    [
      'worse, then by a little less: told once',
      { worseBy: 0.5 },
      [
        [2023, '3.8'],
        [2023, '3.7'],
      ],
      'severe absence 3.7%, further above your 2.5% line',
    ],
    [
      'worse, then withheld: not told, the alert goes on',
      { worseBy: 0.5 },
      [
        [2023, '3.8'],
        [2023, 'c'],
      ],
      undefined,
    ],
    [
      'a reminder, then past the line no longer: told as that',
      { remind: true },
      [
        [2023, '3.2'],
        [2023, '2.4'],
      ],
      'severe absence 2.4%, no longer above your 2.5% line',
    ],
    [
      'a reminder, then another figure: reminded with that',
      { remind: true },
      [
        [2023, '3.2'],
        [2023, '3.4'],
      ],
      'severe absence 3.4%, still above your 2.5% line',
    ],
    [
      'a reminder, then withheld: reminded without a figure',
      { remind: true },
      [
        [2023, '3.2'],
        [2023, 'c'],
      ],
      'no figure for severe absence, the alert on your line of 2.5% stays open',
    ],
    [
      'a clearing, then another figure: told with that',
      {},
      [
        [2023, '1.0'],
        [2023, '1.4'],
      ],
      'severe absence 1.4%, no longer above your 2.5% line',
    ],
    [
      'a clearing, then withheld: told without a figure',
      {},
      [
        [2023, '1.0'],
        [2023, 'c'],
      ],
      'severe absence was no longer above your 2.5% line, now no figure is published',
    ],
    [
      'a clearing, then taken back: not told',
      {},
      [
        [2023, '1.0'],
        [2023, '2.8'],
      ],
      undefined,
    ],
  ])('%s', async (_, rule, waiting, expected) => {
    const mails = await story({ ...above, ...rule }, OPEN, waiting);
    expect(mails.map(({ subject }) => subject)).toEqual(expected === undefined ? [] : [`Luton: ${expected}${IN}`]);
    const [[, untold] = []] = waiting;
    for (const { subject, text } of mails)
      expect(`${subject} ${text}`).not.toMatch(new RegExp(`${untold ?? ''}%|revised|Corrected`));
  });

  it.each<[string, Figures, string | undefined]>([
    [
      'a crossing, then withheld: told without a figure',
      [
        [2023, '3.1'],
        [2023, 'c'],
      ],
      'severe absence was above your 2.5% line, now no figure is published',
    ],
    [
      'a crossing, withheld, then another figure: told with that',
      [
        [2023, '3.1'],
        [2023, 'c'],
        [2023, '3.3'],
      ],
      'severe absence 3.3%, above your 2.5% line',
    ],
    [
      'a crossing, withheld, then not past the line: not told',
      [
        [2023, '3.1'],
        [2023, 'c'],
        [2023, '2.1'],
      ],
      undefined,
    ],
  ])('%s', async (_, waiting, expected) => {
    const mails = await story(above, [[2022, '2.0']], waiting);
    expect(mails.map(({ subject }) => subject)).toEqual(expected === undefined ? [] : [`Luton: ${expected}${IN}`]);
    for (const { subject, text } of mails) expect(`${subject} ${text}`).not.toMatch(/3\.1%|revised|Corrected/);
  });

  it('says why there is no figure of a crossing', async () => {
    const [mail] = await story(
      above,
      [[2022, '2.0']],
      [
        [2023, '3.1'],
        [2023, 'c'],
      ],
    );
    expect(mail?.text).toContain(
      'Line crossed: Severe absence in academic year 2023/24 was above your 2.5% line, now withheld so that no pupil can be identified (published as “c”). The alert stays open, since a missing figure does not clear it.',
    );
  });

  it('once told that no figure is published, he hears of the one that comes', async () => {
    const mails = await story(
      above,
      [
        [2022, '2.0'],
        [2023, '3.1'],
      ],
      [
        [2023, 'c'],
        [2023, '3.3'],
      ],
    );
    expect(mails.map(({ subject }) => subject)).toEqual([expect.stringMatching(/^Correction: .*was 3\.1%, now 3\.3%/)]);
  });

  it('a gap to a figure of England that is withheld since says that there is none', async () => {
    const gap = { kind: 'gap_to_england', line: 0.5, clearBelow: undefined } as const;
    const [mail] = await story(
      { condition: gap },
      [[2022, '2.3', '2.3']],
      [
        [2023, '3.0', '2.0'],
        [2023, '3.0', 'c'],
      ],
    );
    expect(mail?.subject).toBe(
      `Luton: severe absence 3.0%, it was past your line of 0.5 points above England; there is no figure to compare it with any more${IN}`,
    );
    expect(mail?.text).not.toContain('2.0%');
  });

  it.each([
    [
      'rise',
      { kind: 'rise', line: 0.5 },
      '2.0',
      '3.0',
      '2.3',
      'up 0.7 points in a year, more than your line of 0.5 points',
    ],
    [
      'fall',
      { kind: 'fall', line: 0.5 },
      '3.0',
      '2.0',
      '2.7',
      'down 0.7 points in a year, more than your line of 0.5 points',
    ],
  ] as const)(
    'a %s is told by the figure of the year before as it stands',
    async (_, condition, before, value, amended, expected) => {
      const mails = await story(
        { condition },
        [[2022, before]],
        [
          [2023, value],
          [2022, amended],
        ],
      );
      expect(mails.map(({ subject }) => subject)).toEqual([`Luton: severe absence ${value}%, ${expected}${IN}`]);
      expect(mails[0]?.text).not.toContain('1.0 p');
    },
  );

  it('a rise that the figure of the year before takes away is not told', async () => {
    const condition = { kind: 'rise', line: 0.5 } as const;
    expect(
      await story(
        { condition },
        [[2022, '2.0']],
        [
          [2023, '3.0'],
          [2022, '2.8'],
        ],
      ),
    ).toEqual([]);
  });

  it('a rise is not told once the figure of the year before is withheld', async () => {
    const rise = { kind: 'rise', line: 0.5 } as const;
    expect(
      await story(
        { condition: rise },
        [[2022, '2.3']],
        [
          [2023, '3.0'],
          [2022, 'c'],
        ],
      ),
    ).toEqual([]);
  });

  it.each([
    [
      'a crossing',
      [[2022, '2.3']],
      [
        [2023, '3.0'],
        [2022, '2.45'],
      ],
      'severe absence 3.00%, above your 2.50% line',
    ],
    [
      'a crossing, that withheld',
      [[2022, '2.3']],
      [
        [2023, '3.0'],
        [2022, 'c'],
      ],
      'severe absence 3.0%, above your 2.5% line',
    ],
  ] as const)('%s does not quote the figure of the year before as it was', async (_, mailed, waiting, expected) => {
    const [mail] = await story(above, mailed, waiting);
    expect(mail?.subject.replaceAll('0%', '%')).toBe(`Luton: ${expected}${IN}`.replaceAll('0%', '%'));
    expect(mail?.text).not.toMatch(/2\.30?%/);
  });

  it.each([
    ['counted from what was mailed, it is told', '3.7', ['severe absence 3.70%, further above your 2.50% line']],
    ['it is not where it is not worse than that', '3.4', []],
  ])('worse that came to nothing counts for nothing: %s', async (_, next, expected) => {
    const worse = { ...above, worseBy: 0.5 };
    const mails = await story(
      worse,
      OPEN,
      [
        [2023, '3.8'],
        [2023, '3.45'],
        [2024, next],
      ],
      'each',
    );
    expect(mails.map(({ subject }) => subject)).toEqual(
      expected.map((each) => `Luton: ${each} (academic year 2024/25)`),
    );
  });

  it.each<[string, Figures, Figures, string | undefined]>([
    [
      'crossed, came to nothing, crossed again',
      [[2022, '2.0']],
      [
        [2023, '3.0'],
        [2023, '2.4'],
        [2023, '3.1'],
      ],
      'severe absence 3.1%, above your 2.5% line',
    ],
    [
      'cleared, taken back, cleared again',
      OPEN,
      [
        [2023, '2.4'],
        [2023, '2.7'],
        [2023, '1.5'],
      ],
      'severe absence 1.5%, no longer above your 2.5% line',
    ],
    [
      'cleared, taken back',
      OPEN,
      [
        [2023, '2.4'],
        [2023, '2.7'],
      ],
      undefined,
    ],
  ])('%s, with a look at what is owed in between: told as that', async (_, mailed, waiting, expected) => {
    const mails = await story(above, mailed, waiting, 'each');
    expect(mails.map(({ subject }) => subject)).toEqual(expected === undefined ? [] : [`Luton: ${expected}${IN}`]);
  });

  describe('where the rule takes a missing figure as cleared', () => {
    const clearing = { ...above, onSuppressed: 'clear' } as const;
    it.each<[string, Figures, Figures, string | undefined]>([
      [
        'a crossing, then withheld: not told',
        [[2022, '2.0']],
        [
          [2023, '3.0'],
          [2023, 'c'],
        ],
        undefined,
      ],
      [
        'withheld, then filled in past the line: not told',
        OPEN,
        [
          [2023, 'c'],
          [2023, '3.1'],
        ],
        undefined,
      ],
      [
        'withheld, then filled in below: told with that',
        OPEN,
        [
          [2023, 'c'],
          [2023, '1.5'],
        ],
        'severe absence 1.5%, no longer above your 2.5% line',
      ],
      [
        'mailed, withheld, and back: not told',
        [
          [2022, '2.0'],
          [2023, '3.0'],
        ],
        [
          [2023, 'c'],
          [2023, '3.0'],
        ],
        undefined,
      ],
    ])('%s', async (_, mailed, waiting, expected) => {
      const mails = await story(clearing, mailed, waiting);
      expect(mails.map(({ subject }) => subject)).toEqual(expected === undefined ? [] : [`Luton: ${expected}${IN}`]);
    });
  });
});
