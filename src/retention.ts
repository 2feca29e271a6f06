/** From the retention setting to the moments before which things go. */
import type { Config } from './config.js';
import type { Retention } from './load/prune.js';

export function retentionAt({ runs, mails, versions }: Config['retention'], now: Date): Retention {
  const before = (kept: { readonly milliseconds: number } | undefined): Date | undefined =>
    kept === undefined ? undefined : new Date(now.getTime() - kept.milliseconds);
  return { runs: before(runs), mails: before(mails), versions: before(versions) };
}
