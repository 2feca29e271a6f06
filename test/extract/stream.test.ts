import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import { discover } from '../../src/extract/discover.js';
import { download } from '../../src/extract/download.js';
import type { WantedFile } from '../../src/extract/wanted.js';
import { ATTENDANCE, clientFor } from './support.js';

const STREAM = resolve(process.env['EES_REAL_DATA'] ?? '../shared/data', 'attendance/stream');

/** '2025-26_attendance_ytd_20251106.csv' -> when EES published it. */
function publishedAt(name: string): string {
  const [, year = '', month = '', day = ''] = /_(\d{4})(\d\d)(\d\d)\.csv$/.exec(name) ?? [];
  return `${year}-${month}-${day}T09:30:00.000Z`;
}

it.skipIf(!existsSync(STREAM))(
  'the published revisions one after another: each is one version, an identical or textual one is not loaded (needs the published files)',
  async () => {
    const names = readdirSync(STREAM).sort();
    let now = 0;
    const ees = await StandIn.start({ now: () => new Date(now) });
    const client = clientFor(ees, {
      now: () => now,
      budget: { ms: Infinity },
      timing: { requestMs: 30_000, headersMs: 30_000 },
    });
    const directory = await mkdtemp(join(tmpdir(), 'stream-'));
    const loaded: { name: string; rows: number; at: string }[] = [];
    let memory: unknown;
    let spared = 0;

    async function poll(name: string): Promise<void> {
      now += 60_000;
      const found = await discover(client, [{ publication: ATTENDANCE }], memory);
      const etags = new Map<WantedFile, string>();
      for (const file of found.files) {
        const got = await download(client, file, directory);
        if (got.kind === 'not modified') spared += 1;
        else {
          loaded.push({ name, rows: got.rows, at: file.publishedAt });
          if (got.etag !== undefined) etags.set(file, got.etag);
          await got.remove();
        }
      }
      memory = found.remember(found.files, etags);
    }

    try {
      for (const [index, name] of names.entries()) {
        const slug = name.slice(0, 7);
        const content = { path: join(STREAM, name) };
        now = Date.parse(publishedAt(name));
        if (index === 0 || !names[index - 1]?.startsWith(slug))
          ees.publish({
            publication: ATTENDANCE,
            slug,
            title: `Academic year ${slug.replace('-', '/')}`,
            files: [{ name: 'ytd.csv', title: 'Attendance, year to date', content }],
          });
        else ees.amend({ publication: ATTENDANCE, release: slug, replace: [{ file: 'ytd.csv', content }] });
        await poll(name);
        await poll('nothing new');
        if (index % 4 === 0) {
          now += 3_600_000;
          ees.amend({ publication: ATTENDANCE, release: slug, replace: [{ file: 'ytd.csv', content }] });
          await poll('the same bytes again');
          ees.amend({ publication: ATTENDANCE, release: slug, note: 'A footnote.', at: new Date((now += 60_000)) });
          await poll('text only');
        }
      }
      expect(loaded.map(({ name }) => name)).toEqual(names);
      expect(loaded.map(({ at }) => at)).toEqual(names.map(publishedAt));
      expect(spared).toBe(Math.ceil(names.length / 4));
      expect(Math.min(...loaded.map(({ rows }) => rows))).toBeGreaterThan(100);
    } finally {
      client.close();
      await ees.close();
      await rm(directory, { recursive: true });
    }
  },
);
