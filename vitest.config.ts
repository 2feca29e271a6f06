import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { defineConfig } from 'vitest/config';

/** Files that take longest, slowest first: begun first, so that none of them is what everybody waits for at the end. */
const SLOWEST = [
  'fault/kill.test.ts',
  'fault/kill-embedded.test.ts',
  'fault/cases-01-06-killed.test.ts',
  'scenario/story.test.ts',
  'page/pages.test.ts',
  'fault/cases-25-26-database.test.ts',
  'fault/cases-29-30-people.test.ts',
  'fault/cases-18-24-files.test.ts',
  'load/versions.test.ts',
  'alerts/compose.test.ts',
  'real/transform.test.ts',
  'extract/degraded.test.ts',
  'extract/returned.test.ts',
  'fault/soak.test.ts',
  'fault/kill-services.test.ts',
  'extract/faults.test.ts',
  'real/backfill.test.ts',
  'fault/cases-11-17-ees.test.ts',
  'alerts/deliver.test.ts',
  'load/resolution.test.ts',
  'fault/cases-27-28-mail.test.ts',
  'fault/fuzz-ees.test.ts',
];

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = SLOWEST.findIndex((name) => moduleId.endsWith(`/test/${name}`));
      return at === -1 ? SLOWEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    sequence: { sequencer: SlowestFirst },
    // For two cores: a worker often waits, for the server or for a pause to end. An embedded database takes up to 0.9 GB a
    // worker.
    maxWorkers: 3,
    // Each worker keeps what it has loaded, and its embedded database. No test changes a module, the environment or the
    // clock for those after it, and each has a schema of its own.
    isolate: false,
    // Compiling the embedded database's code well takes longer than its few tests need when it is compiled quickly.
    execArgv: ['--liftoff-only'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
