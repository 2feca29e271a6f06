/** deploy/absence-watch: commands in the surroundings of the installed service. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const COMMAND = fileURLToPath(new URL('../../deploy/absence-watch', import.meta.url));
const IS_ROOT = process.getuid?.() === 0;
const AS_ROOT = IS_ROOT ? '' : ' (skipped: only root may run a command as another user)';

/** Says what it was given. */
const PROGRAM = `
const { uid, gid } = require('node:os').userInfo();
console.log(JSON.stringify({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd(), uid, gid }));
process.exitCode = 3;
`;

interface Given {
  readonly argv: string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
  readonly uid: number;
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function installed(
  environment: string,
  secrets: Readonly<Record<string, string>> = {},
): Promise<() => Promise<Ran>> {
  const place = await mkdtemp(join(tmpdir(), 'absence-watch-command-'));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  await chmod(place, 0o755);
  await writeFile(join(place, 'program.cjs'), PROGRAM);
  for (const folder of ['state', 'settings', 'settings/secrets']) await mkdir(join(place, folder), { mode: 0o755 });
  await writeFile(join(place, 'settings/environment'), environment, { mode: 0o600 });
  for (const [name, content] of Object.entries(secrets))
    await writeFile(join(place, 'settings/secrets', name), content, { mode: 0o600 });
  const env = {
    ...process.env,
    DATABASE_URL: 'postgres://the-callers-own',
    ABSENCE_WATCH_PROGRAM: join(place, 'program.cjs'),
    ABSENCE_WATCH_SETTINGS: join(place, 'settings'),
    ABSENCE_WATCH_STATE: join(place, 'state'),
    ABSENCE_WATCH_ACCOUNT: 'nobody',
  };
  return () =>
    new Promise((resolve) => {
      execFile(COMMAND, ['alerts', 'pause', '--reason', 'two words'], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
}

describe.skipIf(!IS_ROOT)(`a command beside the installed service${AS_ROOT}`, () => {
  it('is run as its user, in its directory, with its environment file and secrets, and nothing of the caller', async () => {
    const run = await installed(
      [
        '# the database',
        'DATABASE_URL=postgres://watch:p%23ss@db.example/watch?a=1&b=$HOME',
        '  ; mail',
        'SMTP_USER="desk user"',
        "LOG_LEVEL='warn'",
        '',
        'HTTP_PORT=8081',
      ].join('\n'),
      { smtp_url: 'smtp://a:b c@mail.example\n', 'notes.txt': 'no secret' },
    );
    const { code, stdout, stderr } = await run();
    expect([code, stderr]).toEqual([3, '']);
    const given = JSON.parse(stdout) as Given;
    expect(given.argv).toEqual(['alerts', 'pause', '--reason', 'two words']);
    expect(given.uid).not.toBe(0);
    expect(given.cwd).toMatch(/\/state$/);
    expect(given.env).toMatchObject({
      DATABASE_URL: 'postgres://watch:p%23ss@db.example/watch?a=1&b=$HOME',
      SMTP_USER: 'desk user',
      SMTP_URL: 'smtp://a:b c@mail.example',
      LOG_LEVEL: 'warn',
      HTTP_PORT: '8081',
      TZ: 'UTC',
    });
    expect(given.env['ABSENCE_WATCH_CONFIG']).toMatch(/\/settings\/absence-watch\.yaml$/);
    expect(Object.keys(given.env).filter((name) => /NOTES|VITEST|ABSENCE_WATCH_(?!CONFIG)/.test(name))).toEqual([]);
  });

  it.each([
    ['a line with a backslash', 'SMTP_PASSWORD=hid\\den'],
    ['a line is no NAME=value', 'export DATABASE_URL'],
  ])(
    'refuses an environment file that it would read otherwise than systemd, without its values: %s',
    async (says, line) => {
      const { code, stdout, stderr } = await (await installed(`${line}\n`))();
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(says);
      expect(stderr).not.toContain('hid');
    },
  );
});
