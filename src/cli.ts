#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { main } from './main.js';

// Garbage is collected once the heap has grown by a fifth, not when it has doubled: a file of a gigabyte took 304 MiB
// instead of 524, in the same time.
setFlagsFromString('--heap-growing-percent=20');

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
    // A terminal that does not know its width says 0.
    columns: process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : undefined,
    cwd: process.cwd(),
  },
  env: process.env,
  now: () => new Date(),
  signal: interrupt.signal,
});
