/** The program compiled once for a test file, so that it starts as fast as where it is installed. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface BuiltProgram {
  /** The command line program. */
  readonly cli: string;
  /** To be given to node's --import. */
  readonly clock: string;
  remove(): Promise<void>;
}

/** TypeScript, and what is JavaScript already: a thread's first file. */
async function sourcesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Compiles `src`, `demo` and the clock into a directory of their own, with the modules of the project. */
export async function buildProgram(): Promise<BuiltProgram> {
  const directory = await mkdtemp(join(tmpdir(), 'absence-watch-built-'));
  const clock = resolve(ROOT, 'test/fault/harness/shifted-clock.ts');
  const sources = [...(await sourcesOf(resolve(ROOT, 'src'))), ...(await sourcesOf(resolve(ROOT, 'demo'))), clock];
  const inOutput = (source: string): string => join(directory, relative(ROOT, source).replace(/\.ts$/, '.js'));
  for (const source of sources) {
    await mkdir(dirname(inOutput(source)), { recursive: true });
    if (source.endsWith('.mjs')) {
      await copyFile(source, inOutput(source));
      continue;
    }
    const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, verbatimModuleSyntax: true },
      fileName: source,
    });
    await writeFile(inOutput(source), outputText);
  }
  await writeFile(join(directory, 'package.json'), await readFile(join(ROOT, 'package.json')));
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return {
    cli: join(directory, 'src/cli.js'),
    clock: inOutput(clock),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
