/** Fault cases 29 and 30: much at once, broken edits, names that are no names. The outside monitor. */
import type { AddressInfo } from 'node:net';
import { createServer as createHttp } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { wideFile } from '../../demo/index.js';
import { buildProgram, type BuiltProgram } from './harness/built-program.js';
import { SCENARIO_CONFIG, STEPS } from './harness/scenario.js';
import { smallWide, type Shares } from './harness/small-files.js';
import { ABSENCE, CONFIG, publishCrossing, subjectOf, watch, watchWithHistory } from './harness/watch.js';
import { World } from './harness/world.js';

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

describe('people and much at once', () => {
  it('case 29: ten years of history loaded with rules on: no mail, the would-be alerts recorded as muted; with --notify their number is said first, and the hourly cap holds', async () => {
    const world = await watch({
      config: CONFIG.replace('operator:', 'max_per_hour: 1, operator:').replace(
        '[attendance@luton.example]',
        '[attendance@luton.example, desk@example.org]',
      ),
    });
    for (let year = 2010; year < 2020; year++) {
      const shares: Record<string, Shares> = {
        [`Luton ${year}`]: [year % 2 === 0 ? 20.6 : 18, 1.6],
        [`Luton ${year - 1}`]: [year % 2 === 1 ? 20.6 : 18, 1.6],
      };
      world.publish({
        slug: `${year}-${(year + 1) % 100}`,
        title: `Academic year ${year}/${String((year + 1) % 100).padStart(2, '0')}`,
        at: `${year + 2}-03-20T09:30:00Z`,
        content: smallWide({ identifier: 'Academic year', years: [year - 1, year], shares }),
      });
    }
    world.at('2024-03-21T09:31:00Z');
    const quiet = await world.program.run('backfill', '--publication', ABSENCE, '--to', '2017/18');
    expect(quiet.code, quiet.stderr).toBe(0);
    // Neither to recipients nor to the operator, who reads it in the answer.
    const all = await world.events();
    const events = all.filter(({ muted }) => muted !== 'not in breach');
    const without = all.length - events.length;
    expect(quiet.stdout).toMatch(
      new RegExp(`^${all.length} events recorded \\(${without} of them not in breach\\), nothing sent\\.$`, 'm'),
    );
    expect((await world.program.run('mail', 'list', '--json')).json()).toEqual([]);
    expect(world.mail.messages).toEqual([]);
    expect(events.length).toBeGreaterThan(4);
    expect(new Set(events.map(({ muted }) => muted))).toEqual(new Set(['backfill']));
    world.at('2024-03-21T12:31:00Z');
    const told = await world.program.run('backfill', '--publication', ABSENCE, '--notify');
    expect(told.code, told.stderr).toBe(0);
    expect(told.stdout + told.stderr).toContain('This makes 2 mails');
    expect(world.mail.messages).toHaveLength(1);
    world.at('2024-03-21T13:32:00Z');
    await world.run();
    expect(world.mail.messages).toHaveLength(2);
  });

  it('case 30: a configuration broken while the service runs: the old one stays, the fault is said with its line, the service lives and alerts by the old rules', async () => {
    const world = await World.create(program, inject('testDatabaseUrl'));
    onTestFinished(({ task }) => world.close(task.result?.state === 'fail'));
    const [history, , crossing] = STEPS;
    if (history === undefined || crossing === undefined) throw new Error('the scenario is too short');
    const configuration = join(world.directory, 'watch.yaml');
    await writeFile(configuration, `schedule: { cron: "*/2 * * * * *" }\n${SCENARIO_CONFIG}`);
    world.now = new Date('2026-03-26T09:31:00Z');
    history.apply(world.ees, history.at);
    const service = world.start('start');
    onTestFinished(() => {
      service.kill('SIGKILL');
    });
    const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
      for (let tries = 0; !(await isSo()); tries++) {
        if (!service.isRunning() || tries > 6_000) throw new Error(`the service does not: ${service.said()}`);
        await wait(20);
      }
    };
    const toTeam = (): string[] =>
      world.mail.messages.filter(({ to }) => to.includes('attendance@luton.example')).map(({ raw }) => subjectOf(raw));
    // The history alone makes a first mail.
    await until(() => toTeam().length > 0);
    await writeFile(configuration, 'rules:\n  - name: [unclosed\n');
    service.kill('SIGHUP');
    await until(() => service.said().includes('watch.yaml:'));
    expect(service.said()).toMatch(/watch\.yaml:[23]:\d+/);
    expect(service.said()).toContain('the old one stays');
    const before = toTeam().length;
    crossing.apply(world.ees, crossing.at);
    await until(() => toTeam().length > before);
    expect(toTeam().slice(before)).toEqual([expect.stringMatching(/^Luton: persistent absence 20\.50?%, above/)]);
    service.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
  }, 300_000);

  it('case 30, a name of an area with a line break and markup in it: no header of its own, no markup in the mail', async () => {
    const world = await watchWithHistory();
    const evil = '"Luton\r\nBcc: evil@example.org\r\n<script>alert(1)</script>"';
    publishCrossing(
      world,
      smallWide({
        identifier: 'Academic year',
        years: [2021, 2022, 2023],
        shares: { 'Luton 2023': [20.6, 1.8] },
      }).replaceAll(',Luton,', `,${evil},`),
    );
    const { report } = await world.run();
    const raws = world.mail.messages.map(({ raw }) => raw);
    // Held back or loaded, what is mailed (to the operator, or of Luton) is clean.
    expect(raws, JSON.stringify(report.files)).not.toEqual([]);
    for (const raw of raws) {
      const mail = await simpleParser(raw);
      expect(mail.headers.has('bcc')).toBe(false);
      expect(mail.html === false ? '' : mail.html).not.toMatch(/<script/i);
    }
    for (const { to } of world.mail.messages) expect(to).not.toContain('evil@example.org');
  });

  it('case 30, every authority at once: one mail, cut with the number of all and the rest in a table attached', async () => {
    const config = CONFIG.replace(
      /^ {2}- \{ name: Luton.*$/m,
      '  - { name: All of them, measure: persistent_absence_rate, areas: [{ level: Local authority }], above: 0.1, notify: [team] }',
    );
    const world = await watch({ config });
    const content = wideFile(
      { period: 'Academic year', years: [2022, 2023], london: 'whole', codes: 'before 2025' },
      'education_phase',
    );
    world.publish({ slug: '2023-24', title: 'Academic year 2023/24', at: '2024-03-21T09:30:00Z', content });
    const { report } = await world.run();
    expect(report.files).toMatchObject([{ outcome: 'loaded' }]);
    expect(world.mail.messages).toHaveLength(1);
    const mail = await simpleParser(world.mail.messages[0]?.raw ?? '');
    expect(mail.attachments.some(({ contentType }) => contentType === 'text/csv')).toBe(true);
    expect(mail.subject).toMatch(/and \d{3} more/);
    expect((world.mail.messages[0]?.raw ?? Buffer.alloc(0)).length).toBeLessThan(2_000_000);
  });

  it('dead man: the outside monitor hears start and success of each run, and fail where it failed; a monitor that is away stops nothing', async () => {
    const heard: string[] = [];
    const monitor = createHttp((request, response) => {
      heard.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => monitor.listen(0, '127.0.0.1', resolve));
    const { port } = monitor.address() as AddressInfo;
    const world = await watchWithHistory({ config: `${CONFIG}heartbeat_url: http://127.0.0.1:${port}/ping\n` });
    expect(heard).toEqual(['/ping/start', '/ping']);
    world.ees.fault(() => ({ kind: 'wrong JSON' }));
    expect((await world.run()).code).toBe(1);
    expect(heard).toEqual(['/ping/start', '/ping', '/ping/start', '/ping/fail']);
    world.ees.fault();
    await new Promise((resolve) => monitor.close(resolve));
    expect((await world.run()).code).toBe(0);
  });
});
