import { findAreas, type AreaRow } from '../load/areas.js';
import { UsageError, type Context } from './context.js';

/** The one loaded area that a command is about. @throws UsageError when none answers to the text */
export async function oneArea(context: Context, text: string): Promise<AreaRow & { readonly id: number }> {
  const found = await findAreas(await context.store(), text);
  const best = found.find((area): area is AreaRow & { readonly id: number } => area.id !== undefined);
  const [known] = found;
  // A loaded area further down the list is not what was meant when a better match is known and has no figures.
  if (best !== undefined && (best === known || known?.level !== best.level)) return best;
  throw new UsageError(
    known === undefined
      ? `No area is called "${text}". "absence-watch areas ${text}" searches more widely.`
      : `${known.name} (${known.level}) is known, but no loaded figure is about it. Load data first ("run" or "backfill").`,
  );
}
