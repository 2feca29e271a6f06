/** DfE's published files, where they are at hand: beside the project, or where EES_REAL_DATA says. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export const REAL_DATA = resolve(root, process.env['EES_REAL_DATA'] ?? '../shared/data');
export const HAS_REAL_DATA = existsSync(resolve(REAL_DATA, 'absence'));

/** For names of tests, so that a report of skipped ones says why. */
export const WITH_REAL_DATA = HAS_REAL_DATA ? '' : ' (skipped: the published files are not here; see EES_REAL_DATA)';

export function realFile(name: string): string {
  return resolve(REAL_DATA, name);
}
