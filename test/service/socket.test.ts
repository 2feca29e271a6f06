import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { main } from '../../src/main.js';
import { SCRATCH } from '../support/scratch.js';

const CONFIG = `
schedule: { cron: ["30 9 * * *"], timezone: Europe/London }
mail: { from: absence@luton.example, operator: [ops@luton.example] }
`;
const DATA = [
  'time_period,time_identifier,geographic_level,country_code,country_name,school_type,enrolments,enrolments_pa_10_exact,enrolments_pa_10_exact_percent,enrolments_pa_50_exact,enrolments_pa_50_exact_percent',
  '202223,Autumn term,National,E92000001,England,Total,7000000,1400000,20.0,140000,2.0',
  '202324,Autumn term,National,E92000001,England,Total,7000000,1330000,19.0,147000,2.1',
  '',
].join('\r\n');

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe('beside a service that holds the embedded database', () => {
  it('other commands work: status, backfill of a file, series, alerts pause', async () => {
    const top = await mkdtemp(join(SCRATCH, 'absence-watch-socket-'));
    // Deeper than the path of a socket may be long.
    const directory = join(top, 'instances-of-the-borough'.repeat(2), 'education-department'.repeat(3));
    await mkdir(directory, { recursive: true });
    const ees = await StandIn.start();
    onTestFinished(async () => {
      await ees.close();
      await rm(top, { recursive: true, force: true });
    });
    await writeFile(join(directory, 'watch.yaml'), CONFIG);
    await writeFile(join(directory, 'absence.csv'), DATA);
    const env = { EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl, HTTP_PORT: '0', LOG_LEVEL: 'info' };
    const saved = { ...process.env };
    Object.assign(process.env, env);
    onTestFinished(() => {
      process.env = saved;
    });

    const command = async (
      argv: readonly string[],
      signal = new AbortController().signal,
      err: string[] = [],
    ): Promise<Said> => {
      let out = '';
      const code = await main([...argv, '--config', 'watch.yaml'], {
        streams: {
          stdout: { write: (text) => (out += text) },
          stderr: { write: (text) => err.push(text) },
          columns: undefined,
          cwd: directory,
        },
        env,
        now: () => new Date(),
        signal,
      });
      return { code, out, err: err.join('') };
    };

    const end = new AbortController();
    const log: string[] = [];
    const service = command(['start'], end.signal, log);
    await vi.waitFor(
      () => {
        expect(log.join('')).toContain('absence-watch is running');
        expect(log.join('')).toContain('run ended');
      },
      { timeout: 120_000, interval: 50 },
    );

    const socket = join(directory, 'data', 'db.sock');
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    for (const made of ['data', join('data', 'db')])
      expect((await stat(join(directory, made))).mode & 0o777).toBe(0o700);

    const status = await command(['status', '--json']);
    expect(status.code).toBe(0);
    expect(JSON.parse(status.out)).toMatchObject({ totals: { versions: 0 } });

    const loaded = await command([
      ...['backfill', '--file', 'absence.csv', '--publication', 'pupil-absence-in-schools-in-england'],
      ...[
        '--release',
        'Autumn term 2023/24',
        '--published-at',
        '2024-05-16T09:30:00Z',
        '--json',
        '--log-level',
        'silent',
      ],
    ]);
    expect(loaded.err).toBe('');
    expect(loaded.code).toBe(0);
    const series = await command(['series', '--area', 'England', '--measure', 'severe_absence_rate', '--json']);
    expect(JSON.parse(series.out)).toMatchObject([{ severe_absence_rate: 2 }, { severe_absence_rate: 2.1 }]);

    expect((await command(['alerts', 'pause', '--reason', 'test'])).code).toBe(0);
    expect((await command(['status'])).out).toContain('sending is paused');
    expect((await command(['series', '--area', 'Nowhere'])).code).toBe(2);
    expect((await command(['no-such-command'])).code).toBe(2);

    const doctor = await command(['doctor', '--json']);
    const checks = JSON.parse(doctor.out) as { check: string; ok: boolean; found: string }[];
    // The stand-in lists neither of the two publications.
    const wrong = checks.filter(({ ok }) => !ok).map(({ check }) => check);
    expect(wrong.sort()).toEqual(['mail server', 'source', 'source']);
    expect(checks.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['database', 'migrations', 'official API', 'website (content API)', 'clock', 'schedule']),
    );
    expect(checks.find(({ check }) => check === 'database')?.found).toMatch(/^embedded \d/);

    // A broken edit stops neither the service nor what is asked of it; whatever would go by the edit is refused.
    await writeFile(join(directory, 'watch.yaml'), `${CONFIG}rules: 3\n`);
    const broken = await command(['status', '--json']);
    expect(broken.code).toBe(0);
    const { health } = JSON.parse(broken.out) as { health: { well: boolean; attention: string[] } };
    expect(
      health.attention.filter((each) => each.includes('cannot be used') && each.includes('watch.yaml:')),
    ).toHaveLength(1);
    expect((await command(['alerts', 'resume'])).code).toBe(0);
    expect((await command(['alerts', 'pause'])).code).toBe(0);
    expect((await command(['run'])).code).toBe(2);
    expect((await command(['config', 'check'])).code).toBe(2);
    for (const text of [
      'rules: [\n',
      'sources:\n\t- publication: x\n',
      '',
      'data_directory: "./data" # here\nrules: [\n',
    ]) {
      await writeFile(join(directory, 'watch.yaml'), text);
      expect((await command(['status'])).out, JSON.stringify(text)).toContain('sending is paused');
    }
    await rm(join(directory, 'watch.yaml'));
    expect((await command(['alerts', 'resume'])).code, 'without its file').toBe(0);
    expect((await command(['alerts', 'pause'])).code, 'without its file').toBe(0);

    end.abort(new Error('stopped'));
    expect((await service).code).toBe(0);
    expect((await command(['status'])).code).toBe(2);
    await writeFile(join(directory, 'watch.yaml'), CONFIG);
    expect(log.join('')).toContain('drained; bye');
    await expect(stat(socket)).rejects.toThrow();
    expect(await readdir(top), 'no socket under a path that was cut').toHaveLength(1);
    // And without the service they open the database themselves.
    expect((await command(['status'])).out).toContain('sending is paused');
  }, 180_000);
});
