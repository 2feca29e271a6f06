/** Type check, lint and format side by side: one after the other they leave all cores but one idle. */
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';

const require = createRequire(import.meta.url);

const CHECKS = [
  { module: 'eslint', arguments: ['.'] },
  { module: 'typescript', program: 'tsc', arguments: ['--noEmit'] },
  { module: 'prettier', arguments: ['--check', '.'] },
];

/** Where a package keeps a program of its own. */
function programOf(module, program = module) {
  const description = require.resolve(`${module}/package.json`);
  const { bin } = require(description);
  return join(dirname(description), typeof bin === 'string' ? bin : bin[program]);
}

/** Runs one check and prints what it said as one piece. */
async function check({ module, program, arguments: words }) {
  const child = spawn(process.execPath, [programOf(module, program), ...words], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => said.push(piece));
  const code = await new Promise((settle, fail) => {
    child.once('error', fail);
    child.once('close', settle);
  });
  process.stdout.write(`${[program ?? module, ...words].join(' ')}: ${code === 0 ? 'well' : 'not well'}\n`);
  process.stdout.write(Buffer.concat(said));
  return code === 0;
}

const well = await Promise.all(CHECKS.map(check));
process.exitCode = well.every(Boolean) ? 0 : 1;
