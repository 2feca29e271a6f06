/**
 * The long run of what `npm test` does a little of: at least 200 kills over 32 seeds, 100,000 fuzzed inputs, a simulated
 * year on both databases. Each number may be given from outside, for a shorter or a longer one.
 */
import { defineConfig } from 'vitest/config';

const LONG = {
  FAULT_SEEDS: '32',
  FAULT_KILLS_PER_STEP: '3',
  FAULT_SLOTS: '50',
  FAULT_SLOT_SECONDS: '12',
  FUZZ_INPUTS: '25000',
  SOAK_WEEKS: '52',
};

export default defineConfig({
  test: {
    include: ['test/fault/{kill,fuzz,soak}*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    env: Object.fromEntries(Object.entries(LONG).map(([name, usual]) => [name, process.env[name] ?? usual])),
    maxWorkers: 2,
    testTimeout: 4 * 3_600_000,
    hookTimeout: 600_000,
  },
});
