import { simpleParser, type ParsedMail } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { composeDue, type ComposeSettings } from '../../src/alerts/compose.js';
import { gatherBrief } from '../../src/alerts/brief-facts.js';
import { NoFiguresError } from '../../src/alerts/brief-period.js';
import { previewMail } from '../../src/alerts/preview.js';
import { composeBrief } from '../../src/alerts/brief.js';
import { deliverDue } from '../../src/alerts/deliver.js';
import { listMail, pauseSending } from '../../src/alerts/queue-upkeep.js';
import type { Failed, Smtp } from '../../src/alerts/smtp.js';
import { clockAt, delivery } from '../support/smtp.js';
import { applyRules, ruleChanges } from '../../src/alerts/rule-changes.js';
import type { Rule } from '../../src/domain/rule.js';
import type { Store } from '../../src/load/database.js';
import { listEvents } from '../../src/load/inspect.js';
import { freshStore, secondStore } from '../support/database.js';
import { ruleWith } from './rules.js';
import { figure, insertVersion, LUTON, NOW, owe, oweAlert, seed, type Seeded } from './compose-fixtures.js';

const RULE = ruleWith({
  name: 'Luton severe absence',
  condition: { kind: 'above', line: 2, clearBelow: 1.8 },
  notify: ['attendance-team'],
});

function settings(changes: Partial<ComposeSettings> = {}): ComposeSettings {
  return {
    now: NOW,
    from: 'Absence watch <absence@luton.example>',
    replyTo: undefined,
    owner: 'Data team',
    rules: [RULE],
    neighbours: new Map([['821', ['871', '831']]]),
    composed: false,
    ...changes,
  };
}

async function mails({ db }: Store): Promise<(ParsedMail & { address: string; state: string })[]> {
  const rows = await db.selectFrom('mail').selectAll().orderBy('id').execute();
  return Promise.all(
    rows.map(async ({ raw, address, state, subject, message_id }) => {
      const parsed = await simpleParser(Buffer.from(raw));
      expect(parsed.subject).toBe(subject);
      expect(parsed.messageId).toBe(message_id);
      return { ...parsed, address, state };
    }),
  );
}

async function started(kind: Store['kind'] = 'postgres'): Promise<Seeded> {
  return seed(await freshStore(kind));
}

/** All that was composed went out. */
async function delivered({ store }: Seeded): Promise<void> {
  await store.db.updateTable('mail').set({ state: 'sent', sent_at: NOW }).execute();
}

const OFFICER = 'officer@luton.example';
const brief = ({ releaseId, versionId }: Seeded, address = OFFICER) => ({
  kind: 'brief' as const,
  address,
  payload: JSON.stringify({ areaId: LUTON, releaseId, versionIds: [versionId] }),
  fingerprint: `brief ${address}`,
});

describe('composing what is owed', () => {
  for (const kind of ['postgres', 'embedded'] as const)
    it(`makes one mail a recipient, with the news, the brief and the chart (${kind})`, async () => {
      const seeded = await started(kind);
      await oweAlert(seeded, OFFICER, { fingerprint: 'a' });
      await owe(seeded.store, brief(seeded));
      await oweAlert(seeded, 'desk@example.org', { fingerprint: 'b' });
      expect(await composeDue(seeded.store, settings())).toBe(2);
      const [desk, officer] = await mails(seeded.store);
      expect([desk?.address, officer?.address]).toEqual(['desk@example.org', OFFICER]);
      expect(officer?.state).toBe('queued');
      expect(officer?.subject).toBe(
        'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25)',
      );
      expect(officer?.text).toContain('6,569 pupil enrolments in Luton (17.3%, about one in six) were');
      expect(officer?.attachments.map(({ contentType }) => contentType)).toEqual(['image/png']);
      const waiting = await seeded.store.db
        .selectFrom('notification')
        .selectAll()
        .where('mail_id', 'is', null)
        .execute();
      expect(waiting).toEqual([]);
      expect(await composeDue(seeded.store, settings())).toBe(0);
    });

  it('the list of events says of a mail that it is held, as the list of mails does', async () => {
    const seeded = await started();
    await oweAlert(seeded, OFFICER, { fingerprint: 'a' });
    const stateOf = async (held: readonly number[]): Promise<(string | undefined)[]> =>
      (await listEvents(seeded.store, { limit: 9, held: new Set(held) })).flatMap((row) =>
        row.mails.map(({ state }) => state),
      );
    expect(await stateOf([])).toEqual(['owed']);
    await composeDue(seeded.store, settings());
    const ids = (await listMail(seeded.store)).map(({ id }) => id);
    expect(await stateOf([])).toEqual(['queued']);
    expect(await stateOf(ids)).toEqual(['held']);
  });

  it('tells each school type and pupil group apart, each with its own heading, reason, prose and table', async () => {
    const seeded = await started();
    const { store, versionId } = seeded;
    await store.db.insertInto('school_type').values({ id: 3, name: 'State-funded primary' }).execute();
    for (const [period_id, rate] of [
      [3, '9.1'],
      [4, '9.4'],
    ] as const)
      await figure(
        store,
        versionId,
        { area_id: LUTON, period_id, school_type_id: 3 },
        { enrolments: '20000', persistent_absence_rate: '10.2', severe_absence_rate: rate },
      );
    const event = (school_type_id: number, value: string) => ({
      ...{ school_type_id, value, compared: value, fingerprint: `type ${school_type_id}` },
      reason: `severe absence ${value}%`,
    });
    await oweAlert(seeded, OFFICER, event(2, '7.3'));
    await oweAlert(seeded, OFFICER, event(3, '9.4'));
    await oweAlert(seeded, OFFICER, { ...event(1, '7.3'), area_id: 1, breakdown_id: 2, fingerprint: 'group' });
    await composeDue(store, settings());
    const [mail] = await mails(store);
    const told = mail?.text?.slice(0, mail.text.indexOf('What the words mean')) ?? '';
    const sections = told.replace(/\s+/g, ' ').split(/ (?=(?:Luton|England), [^.:]*2024\/25 =)/);
    const of = (heading: string): string => sections.find((one) => one.startsWith(heading)) ?? '';
    const secondary = of('Luton, state-funded secondary schools, autumn and spring terms 2024/25');
    const primary = of('Luton, state-funded primary schools, autumn and spring terms 2024/25');
    const group = of('England, pupils with an education, health and care (EHC) plan, autumn and spring terms 2024/25');
    expect(secondary).toContain('7.3% of pupils (about one in 14) were severely absent');
    expect(secondary).toContain('Luton, state-funded secondary schools, autumn and spring terms 2024/25: rates');
    expect(secondary).not.toMatch(/9\.4|primary/);
    expect(primary).toContain('9.4%');
    expect(primary).not.toMatch(/7\.3|secondary/);
    expect(group).toContain('of pupils with an education, health and care (EHC) plan in England');
    expect(group).toMatch(/England 7\.3% 6\.6% \+0\.7/);
    expect(group).not.toContain('17.6%');
  });

  it('composes nothing before it is due, and nothing while sending is paused', async () => {
    const seeded = await started();
    await oweAlert(seeded, OFFICER, {}, { due_at: null });
    await oweAlert(seeded, 'desk@example.org', {}, { due_at: new Date(NOW.getTime() + 1) });
    expect(await composeDue(seeded.store, settings())).toBe(0);
    await oweAlert(seeded, OFFICER);
    await pauseSending(seeded.store, 'quiet, please', NOW);
    expect(await composeDue(seeded.store, settings())).toBe(0);
    expect(await mails(seeded.store)).toEqual([]);
  });

  it('leaves operator mails alone', async () => {
    const seeded = await started();
    await owe(seeded.store, { kind: 'operator', address: 'ops@luton.example', fingerprint: 'o' });
    expect(await composeDue(seeded.store, settings())).toBe(0);
  });

  it('makes one mail of one, however many processes compose at once', async () => {
    const seeded = await started();
    for (let i = 0; i < 6; i++) await oweAlert(seeded, OFFICER, { fingerprint: `e${i}` });
    const others = await Promise.all([1, 2, 3].map(() => secondStore(seeded.store)));
    const made = await Promise.all([seeded.store, ...others].map((store) => composeDue(store, settings())));
    expect(made.reduce((sum, n) => sum + n, 0)).toBe(1);
    expect(await mails(seeded.store)).toHaveLength(1);
  });

  it('takes capital letters in an address for the same recipient', async () => {
    const seeded = await started();
    await oweAlert(seeded, OFFICER);
    await oweAlert(seeded, 'Officer@Luton.example');
    expect(await composeDue(seeded.store, settings())).toBe(1);
  });

  it('marks what comes later on the same release as a follow-up, and a correction as a correction', async () => {
    const seeded = await started();
    await oweAlert(seeded, OFFICER);
    await composeDue(seeded.store, settings());
    await delivered(seeded);
    await oweAlert(seeded, OFFICER, { rule: 'Another rule' });
    await composeDue(seeded.store, settings());
    await delivered(seeded);
    await oweAlert(seeded, OFFICER, {
      event: 'corrected',
      value: '1.9',
      previous_value: '2.1',
      in_breach: false,
      reason: 'was 2.1%, now 1.9%',
    });
    await composeDue(seeded.store, settings());
    expect((await mails(seeded.store)).map(({ subject }) => subject)).toEqual([
      'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25)',
      'Follow-up: Luton: severe absence 2.1%, past your line of 2.0% (autumn and spring terms 2024/25)',
      'Correction: Luton: severe absence was 2.1%, now 1.9%, no longer above your 2.0% line (autumn and spring terms 2024/25)',
    ]);
  });

  it('is no follow-up of a mail that never went out, nor of one about another period or day of the release', async () => {
    const seeded = await started();
    const next = async (alert: Parameters<typeof oweAlert>[2]): Promise<string | undefined> => {
      await oweAlert(seeded, OFFICER, alert);
      await composeDue(seeded.store, settings());
      return (await mails(seeded.store)).at(-1)?.subject;
    };
    const marked = /^Follow-up: /;
    await next({ fingerprint: 'a' });
    for (const state of ['queued', 'dead', 'skipped'] as const) {
      await seeded.store.db.updateTable('mail').set({ state }).execute();
      expect(await next({ fingerprint: state }), state).not.toMatch(marked);
    }
    await delivered(seeded);
    expect(await next({ fingerprint: 'older', period_id: 3 })).not.toMatch(marked);
    expect(await next({ fingerprint: 'day', as_of: '2025-07-11' })).not.toMatch(marked);
    expect(await next({ fingerprint: 'same' })).toMatch(marked);
  });

  it('is a follow-up of a brief on the release where that told the period', async () => {
    const seeded = await started();
    await owe(seeded.store, brief(seeded));
    await composeDue(seeded.store, settings());
    await delivered(seeded);
    await oweAlert(seeded, OFFICER, { period_id: 3, fingerprint: 'older' });
    await composeDue(seeded.store, settings());
    await delivered(seeded);
    await oweAlert(seeded, OFFICER);
    await composeDue(seeded.store, settings());
    await delivered(seeded);
    await owe(seeded.store, { ...brief(seeded), fingerprint: 'again' });
    await composeDue(seeded.store, settings());
    await delivered(seeded);
    expect((await mails(seeded.store)).map(({ subject }) => /^Follow-up: /.test(subject ?? ''))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('writes what nobody has tried to send into the next mail, and leaves a mail alone that was tried', async () => {
    const seeded = await started();
    const { store } = seeded;
    const failed = { kind: 'failed', reason: 'connect ECONNREFUSED', server: true, ambiguous: false } as const;
    const answer = (): Promise<Failed> => Promise.resolve(failed);
    const down: Smtp = { server: 'mail.luton.example:587', send: answer, verify: answer, close: () => undefined };
    for (const [event, minutes] of [
      ['crossed', 0],
      ['worse', 60],
      ['corrected', 120],
    ] as const) {
      const now = new Date(NOW.getTime() + minutes * 60_000);
      await oweAlert(seeded, 'a.first@luton.example', { event, fingerprint: `a ${event}` });
      await oweAlert(seeded, OFFICER, { event, fingerprint: `b ${event}` });
      await composeDue(store, settings({ now }));
      await deliverDue(store, down, delivery(clockAt(now), { concurrency: 1 }));
    }
    const waiting = await listMail(store);
    const of = (address: string) => waiting.filter((mail) => mail.address === address).map(({ subject }) => subject);
    expect(of(OFFICER), 'never tried: all in one').toEqual([expect.stringMatching(/, and 2 more$/)]);
    expect(of('a.first@luton.example'), 'the first was tried; the others are one').toHaveLength(2);
    const told = await store.db
      .selectFrom('notification')
      .select(['address', 'mail_id'])
      .where('mail_id', 'is', null)
      .execute();
    expect(told).toEqual([]);
  });

  it('leaves what is held after a restored backup as it is, tried or not', async () => {
    const seeded = await started();
    const { store } = seeded;
    await oweAlert(seeded, OFFICER, { fingerprint: 'old' });
    await composeDue(store, settings());
    const at = new Date(NOW.getTime() + 60_000).toISOString();
    const value = JSON.stringify({ hold: { at, createdBefore: at, reason: 'restored' } });
    await store.db.insertInto('setting').values({ name: 'delivery', value, updated_at: NOW }).execute();
    await oweAlert(seeded, OFFICER, { fingerprint: 'new', event: 'worse' });
    await composeDue(store, settings({ now: new Date(NOW.getTime() + 120_000) }));
    expect(await listMail(store)).toHaveLength(2);
  });

  it('threads the mails of a single alert, from its crossing on', async () => {
    const seeded = await started();
    for (const event of ['crossed', 'worse', 'cleared', 'crossed']) {
      await oweAlert(seeded, OFFICER, {
        event,
        fingerprint: `${event} ${Math.random()}`,
        in_breach: event !== 'cleared',
      });
      await composeDue(seeded.store, settings());
      await delivered(seeded);
    }
    const [first, second, third, fourth] = await mails(seeded.store);
    expect(second?.inReplyTo).toBe(first?.messageId);
    expect(third?.references).toEqual([first?.messageId, second?.messageId]);
    expect(fourth?.inReplyTo).toBeUndefined();
  });

  it('says how many events a silence kept back', async () => {
    const seeded = await started();
    const silenced = await oweAlert(seeded, 'nobody@example.org', { muted: 'silence' });
    await seeded.store.db.deleteFrom('notification').where('alert_id', '=', silenced).execute();
    await oweAlert(seeded, OFFICER);
    await composeDue(seeded.store, settings());
    expect((await mails(seeded.store))[0]?.text).toContain('1 event was silenced');
  });

  it('tells an event whose figures are gone, without a brief', async () => {
    const seeded = await started();
    await oweAlert(seeded, OFFICER);
    await seeded.store.db.updateTable('data_set_version').set({ is_current: false, state: 'removed' }).execute();
    expect(await composeDue(seeded.store, settings())).toBe(1);
    expect((await mails(seeded.store))[0]?.text).toContain('Severe absence 2.1%, above the line of 2.0%');
  });

  it('says COMPOSED in subject, body and chart of composed figures', async () => {
    const seeded = await started();
    await owe(seeded.store, brief(seeded));
    await composeDue(seeded.store, settings({ composed: true }));
    const [mail] = await mails(seeded.store);
    expect(mail?.subject).toBe(
      'COMPOSED: Luton: persistent absence 17.3%, severe absence 2.1% (autumn and spring terms 2024/25)',
    );
    expect(mail?.text).not.toContain('Open Government Licence');
  });

  it('composes the others where one recipient’s mail fails, says so, and leaves that one owed', async () => {
    const seeded = await started();
    await owe(seeded.store, { ...brief(seeded, 'a@example.org'), payload: '{"areaId":"three"}' });
    await oweAlert(seeded, OFFICER);
    await expect(composeDue(seeded.store, settings())).rejects.toThrow(
      'The mail of one recipient could not be composed',
    );
    expect((await mails(seeded.store)).map(({ address }) => address)).toEqual([OFFICER]);
  });
});

describe('gathering facts', () => {
  it('finds series, region, England, neighbours, authorities and groups of the newest finished period', async () => {
    const { store } = await started();
    const facts = await gatherBrief(store.db, LUTON, { neighbours: settings().neighbours });
    expect(facts.series).toBe('absence/autumn-and-spring-term');
    expect(facts.own.map(({ period }) => period.academicYear)).toEqual(['2021/22', '2022/23', '2023/24', '2024/25']);
    expect([facts.region.length, facts.england.length, facts.authorities.length]).toEqual([4, 4, 4]);
    expect(facts.neighbours?.rows.map(({ area }) => area).sort()).toEqual(['Derby', 'Slough']);
    expect(facts.neighbours?.before?.map(({ area, period }) => `${area} ${period.academicYear}`).sort()).toEqual([
      'Derby 2023/24',
      'Slough 2023/24',
    ]);
    const [persistent] = composeBrief(facts).table.rows.filter(({ place }) => place === 'Mean of neighbours');
    expect(persistent).toMatchObject({ now: '19.1%', before: '19.9%', change: '−0.8' });
    expect(facts.groups.map(({ where, breakdown, schoolType }) => [where, breakdown, schoolType])).toEqual([
      ['England', 'EHC plan', 'Total'],
      ['area', 'Total', 'State-funded secondary'],
    ]);
    expect(facts.releases).toMatchObject([
      { status: 'accredited official statistics', version: '1.0.0', dataSet: 'Absence by authority' },
    ]);
    const told = composeBrief(facts);
    for (const { from } of told.paragraphs.flatMap(({ sentences }) => sentences).flatMap(({ numbers }) => numbers))
      for (const source of from)
        expect(source).toMatchObject({ data_set: 'Absence by authority', data_set_version: '1.0.0' });
  });

  it('compares a running total with the same point of the year before', async () => {
    const { store, versionId } = await started();
    await store.db
      .insertInto('series')
      .values({ id: 2, name: 'attendance/year-to-date', family: 'attendance' })
      .execute();
    const period = { time_identifier: 'Year to date', kind: 'year to date' };
    await store.db
      .insertInto('period')
      .values([
        {
          id: 8,
          time_period: '202324',
          start_year: 2023,
          academic_year: '2023/24',
          label: 'Year to date 2023/24',
          sort: 2023,
          ...period,
        },
        {
          id: 9,
          time_period: '202425',
          start_year: 2024,
          academic_year: '2024/25',
          label: 'Year to date 2024/25',
          sort: 2024,
          ...period,
        },
      ])
      .execute();
    const at = (period_id: number, as_of: string, rate: string): Promise<void> =>
      figure(store, versionId, { area_id: LUTON, period_id, series_id: 2, as_of }, { persistent_absence_rate: rate });
    await at(8, '2024-01-26', '21.0');
    await at(8, '2024-02-09', '21.5');
    await at(8, '2024-07-12', '23.0');
    await at(9, '2025-02-07', '19.9');
    const of = await store.db
      .selectFrom('data_set_version')
      .select(['data_set_id', 'release_id'])
      .where('id', '=', versionId)
      .executeTakeFirstOrThrow();
    const withdrawn = await insertVersion(store.db, of, {
      ...{ patch: 1, state: 'withdrawn', is_current: false, published_at: NOW, ended_at: NOW },
    });
    await figure(
      store,
      withdrawn.id,
      { area_id: LUTON, period_id: 8, series_id: 2, as_of: '2024-02-09' },
      { persistent_absence_rate: '50.0' },
    );
    const facts = await gatherBrief(store.db, LUTON, { series: 'attendance/year-to-date' });
    expect(facts.own.map(({ asOf, values }) => [asOf, values.persistent_absence_rate])).toEqual([
      ['2024-02-09', '21.5'],
      ['2025-02-07', '19.9'],
    ]);
    expect((await gatherBrief(store.db, LUTON)).series, 'finished periods come first').toBe(
      'absence/autumn-and-spring-term',
    );
  });

  it('says what is missing where there is nothing to tell', async () => {
    const { store } = await started();
    await expect(gatherBrief(store.db, 99)).rejects.toThrow(NoFiguresError);
    await expect(gatherBrief(store.db, LUTON, { release: '1999-00' })).rejects.toThrow(
      'No release “1999-00” is loaded',
    );
    const told = await gatherBrief(store.db, LUTON, { release: '2024-25-autumn-and-spring-term' });
    expect(told.own.at(-1)?.period.academicYear).toBe('2024/25');
  });
});

/** The rules as an evaluation before the fixture's events left them. */
async function applied({ store }: Seeded, rules: readonly Rule[] = [RULE]): Promise<void> {
  await applyRules(store.db, rules, await ruleChanges(store.db, rules), new Date(NOW.getTime() - 60_000));
}

describe('a preview', () => {
  /** Nothing but the brief: what the mail says where there is no news. */
  const QUIET = 'Luton: persistent absence 17.3%, severe absence 2.1% (autumn and spring terms 2024/25)';
  const previewed = async ({ store }: Seeded, rules: readonly Rule[] = [RULE]) => {
    const preview = await previewMail(store, LUTON, { ...settings({ rules }), to: OFFICER });
    return { ...preview, subject: (await simpleParser(preview.eml)).subject };
  };
  const withLine = (line: number): Rule => ({ ...RULE, condition: { kind: 'above', line, clearBelow: undefined } });

  it('tells no first look that nobody would be told of', async () => {
    const seeded = await started();
    const high = withLine(2.5);
    await applied(seeded, [high]);
    await oweAlert(seeded, OFFICER, {
      ...{ event: 'baseline', in_breach: false, muted: 'not in breach', threshold: '2.5' },
      reason: 'first look under this rule: severe absence 2.1%, not above the line of 2.5%',
    });
    const preview = await previewed(seeded, [high]);
    expect(preview.subject).toBe(QUIET);
    expect(preview.text).not.toMatch(/first look/i);
  });

  it('tells nothing of a rule that is gone, or that no longer watches the area', async () => {
    const seeded = await started();
    await applied(seeded);
    await oweAlert(seeded, OFFICER);
    expect((await previewed(seeded)).subject).toContain('above your 2.0% line');
    expect((await previewed(seeded, [])).subject).toBe(QUIET);
    expect(
      (await previewed(seeded, [{ ...RULE, name: 'Renamed', areas: [{ by: 'name', text: 'Slough' }] }])).subject,
    ).toBe(QUIET);
    expect((await previewed(seeded, [{ ...RULE, areas: [{ by: 'name', text: 'Slough' }] }])).subject).toBe(QUIET);
  });

  it('tells what an edited rule makes of the newest figures, not what it made of them before, and keeps nothing', async () => {
    const seeded = await started();
    await applied(seeded);
    await oweAlert(seeded, OFFICER);
    const above = await previewed(seeded, [withLine(2.5)]);
    expect(above.subject).toBe(QUIET);
    expect(above.text).not.toContain('line of 2.0%');
    const below = await previewed(seeded, [withLine(1.9)]);
    expect(below.subject).toBe(
      'First look: Luton: severe absence 2.1%, above your 1.9% line (autumn and spring terms 2024/25)',
    );
    expect(below.text.replace(/\s+/g, ' ')).toContain('above the line of 1.9%');
    expect(below.text).not.toContain('2.0% line');
    const events = await seeded.store.db.selectFrom('alert').select('event').execute();
    expect(events).toEqual([{ event: 'crossed' }]);
    expect((await ruleChanges(seeded.store.db, [RULE])).byRule.get(RULE.name)).toEqual({ kind: 'known' });
  });

  it('tells how an open alert stands on the newest figures, not what an older one was news of', async () => {
    const seeded = await started();
    await applied(seeded);
    const { store, releaseId } = seeded;
    const slice = { series_id: 1, school_type_id: 2, breakdown_id: 1, as_of: 'infinity' };
    await oweAlert(seeded, OFFICER, {
      ...slice,
      period_id: 3,
      value: '6.6',
      reason: 'old news',
      release_id: releaseId,
    });
    await store.db
      .insertInto('alert_state')
      .values({
        ...{ rule: RULE.name, area_id: LUTON, ...slice, epoch: 'current', period_id: 4, opened_by: null },
        ...{ in_breach: true, before: true, value: '7.3', compared: '7.3', mailed: '6.6', updated_at: NOW },
      })
      .execute();
    const preview = await previewMail(store, LUTON, { ...settings(), to: OFFICER });
    const subject = (await simpleParser(preview.eml)).subject;
    expect(subject).toBe(
      'Luton, state-funded secondary schools: severe absence 7.3%, still above your 2.0% line (autumn and spring terms 2024/25)',
    );
    expect(preview.text).toContain('Luton, state-funded secondary schools, autumn and spring terms 2024/25');
    expect(preview.text).not.toContain('old news');
  });

  it('shows the mail that the newest figures make, muted events too, and queues nothing', async () => {
    const seeded = await started();
    await applied(seeded);
    await oweAlert(seeded, OFFICER, { muted: 'backfill' });
    const preview = await previewMail(seeded.store, LUTON, { ...settings(), to: OFFICER });
    expect((await simpleParser(preview.eml)).subject).toContain('severe absence 2.1%, above your 2.0% line');
    expect(preview.html).toContain('src="data:image/png;base64,');
    expect(preview.text).toContain('In short');
    expect(preview.png?.subarray(1, 4).toString()).toBe('PNG');
    expect(await mails(seeded.store)).toEqual([]);
  });
});
