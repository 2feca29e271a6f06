/** The story the project began with, told by the demo from beginning to end. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshProgram } from '../support/program.js';

interface Demo {
  composed: boolean;
  steps: {
    id: string;
    run: { outcome: string };
    mails: { to: string; subject: string; text: string; files: string[] }[];
  }[];
}

describe('the demo', () => {
  it(
    "reproduces the story's figures for Luton and England, and says COMPOSED everywhere",
    { timeout: 300_000 },
    async () => {
      const program = await freshProgram();
      const said = await program.run('demo', '--output', 'out', '--json');
      expect(said.code).toBe(0);
      const demo = said.json() as Demo;
      expect(demo.composed).toBe(true);
      expect(demo.steps.map(({ run }) => run.outcome)).toEqual(demo.steps.map(() => 'done'));

      const story = demo.steps.find(({ id }) => id === 'autumn-and-spring-2024-25');
      const mail = story?.mails.find(({ to }) => to === 'attendance@luton.example');
      const text = (mail?.text ?? '').replace(/\s+/g, ' ');
      for (const sentence of [
        '6,569 pupil enrolments in Luton (17.3%, about one in six) were persistently absent across the autumn and spring terms 2024/25',
        'from 18.0% in 2023/24',
        'pupils (1.5%, about one in 66) were severely absent, the rate unchanged from 2023/24',
        'than in England (17.6%, down from 19.2%)',
        'than in England (2.3%, up from 2.1%)',
        'The rise in severe absence across England has slowed for two years running',
        'Of pupils with an education, health and care (EHC) plan 34.3% were persistently absent (down from 35.4%) and 7.3% severely absent (up from 6.6%)',
      ])
        expect(text).toContain(sentence);

      const mails = demo.steps.flatMap((step) => step.mails);
      expect(mails.length).toBeGreaterThan(5);
      for (const each of mails) {
        expect(each.subject).toContain('COMPOSED');
        expect(each.text).toContain('COMPOSED');
        expect(each.text).not.toContain('Open Government Licence');
        for (const file of each.files) expect(existsSync(join(program.directory, file))).toBe(true);
        expect(each.files.map((file) => file.slice(-4)).sort()).toEqual(
          expect.arrayContaining(['.eml', '.txt', 'html']),
        );
      }
      // The correction of another authority and the change of words are no news to Luton.
      expect(demo.steps.filter(({ id }) => id === 'words-only').flatMap((step) => step.mails)).toEqual([]);

      const env = {
        ...program.env,
        DATABASE_URL: `pglite:${join(program.directory, 'out', 'db')}`,
        DATABASE_SCHEMA: 'absence_watch',
      };
      const after = await freshProgram(env);
      const series = (
        await after.run('series', '--area', 'Luton', '--time-identifier', 'Autumn and spring term', '--json')
      ).json() as {
        release: string;
        time_period: string;
        persistent_absentees: number;
      }[];
      expect(series.at(-1)).toMatchObject({ time_period: '202425', persistent_absentees: 6569 });
      for (const row of series) expect(row.release).toContain('COMPOSED');
      const config = join(program.directory, 'out', 'absence-watch.yaml');
      for (const command of ['list', 'simulate'])
        expect((await after.run('alerts', command, '--config', config)).stdout).toMatch(/^COMPOSED/);
    },
  );
});
