/** The program in few files, so that a process of it that lives for a second does not spend half of it on loading modules. */
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Libraries of hundreds of small files; the others are loaded as where the program is installed. */
const BUNDLED = ['kysely', 'zod'];

const Package = z.object({ dependencies: z.record(z.string(), z.string()) });

export interface BuiltProgram {
  /** The command line program. */
  readonly cli: string;
  /** To be given to node's --import. */
  readonly clock: string;
  remove(): Promise<void>;
}

/** Compiles `src`, `demo` and the clock into a directory of their own, with the modules of the project. */
export async function buildProgram(): Promise<BuiltProgram> {
  const directory = await mkdtemp(join(tmpdir(), 'absence-watch-built-'));
  const manifest = await readFile(join(ROOT, 'package.json'), 'utf8');
  const { dependencies } = Package.parse(JSON.parse(manifest));
  const output = join(directory, 'src');
  await build({
    entryPoints: { cli: resolve(ROOT, 'src/cli.ts'), clock: resolve(ROOT, 'test/fault/harness/shifted-clock.ts') },
    outdir: output,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: Object.keys(dependencies)
      .filter((name) => !BUNDLED.includes(name))
      .flatMap((name) => [name, `${name}/*`]),
    logLevel: 'error',
  });
  // A thread's first file, which no import names.
  await copyFile(resolve(ROOT, 'src/load/embedded-worker.mjs'), join(output, 'embedded-worker.mjs'));
  await writeFile(join(directory, 'package.json'), manifest);
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return {
    cli: join(output, 'cli.js'),
    clock: join(output, 'clock.js'),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
