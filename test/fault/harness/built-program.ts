/** The program as it is installed: a process of it that lives for a second does not spend half of it on loading modules. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface BuiltProgram {
  /** The command line program. */
  readonly cli: string;
  /** To be given to node's --import. */
  readonly clock: string;
  remove(): Promise<void>;
}

/** Builds the program into a directory of its own, with the modules of the project, and the clock beside it. */
export async function buildProgram(): Promise<BuiltProgram> {
  const directory = await mkdtemp(join(tmpdir(), 'absence-watch-built-'));
  await promisify(execFile)(process.execPath, [join(ROOT, 'build.js'), directory]);
  await copyFile(join(ROOT, 'package.json'), join(directory, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const clock = join(directory, 'clock.js');
  const source = await readFile(fileURLToPath(new URL('shifted-clock.ts', import.meta.url)), 'utf8');
  await writeFile(clock, (await transform(source, { loader: 'ts' })).code);
  return {
    cli: join(directory, 'src/cli.js'),
    clock,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
