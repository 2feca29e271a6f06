/**
 * `npm run build [-- directory]`: the program as it is installed, in `dist`. Our modules and the libraries of hundreds of
 * small files become few files: loading them one by one takes longer than most commands. Types are `npm run check`'s.
 */
import { copyFile, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';

const BUNDLED = ['kysely', 'zod'];

const root = import.meta.dirname;
const output = join(resolve(process.argv[2] ?? join(root, 'dist')), 'src');
const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

await rm(output, { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'src/cli.ts')],
  outdir: output,
  bundle: true,
  splitting: true,
  sourcemap: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: Object.keys(dependencies)
    .filter((name) => !BUNDLED.includes(name))
    .flatMap((name) => [name, `${name}/*`]),
  logLevel: 'warning',
});
// A thread's first file, which no import names.
await copyFile(join(root, 'src/load/embedded-worker.mjs'), join(output, 'embedded-worker.mjs'));
