#!/usr/bin/env node
import { main } from './main.js';

const interrupt = new AbortController();
let signals = 0;
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => {
    signals += 1;
    // A second signal ends at once: whoever sends it has waited long enough.
    if (signals > 1) process.exit(name === 'SIGINT' ? 130 : 143);
    interrupt.abort(new Error(`interrupted by ${name}`));
  });
// A reader that went away (`| head`) is no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), {
  streams: {
    stdout: process.stdout,
    stderr: process.stderr,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    cwd: process.cwd(),
  },
  env: process.env,
  now: () => new Date(),
  signal: interrupt.signal,
});
