import { foldName, type Match } from '../domain/areas.js';
import { matchAreas, type AreaRow } from '../load/areas.js';
import { UsageError, type Context } from './context.js';

type Loaded = AreaRow & { readonly id: number };

/** These name an area beyond doubt; of any other match it is said which area was taken. */
const EXACT: readonly Match[] = ['code', 'name', 'alias'];

/** How many others are proposed. */
const PROPOSED = 5;

/** The one loaded area that a command is about. @throws UsageError when none answers to the text */
export async function oneArea(context: Pick<Context, 'store' | 'out'>, text: string): Promise<Loaded> {
  const found = await matchAreas(await context.store(), text);
  const [best] = found;
  if (best === undefined)
    throw new UsageError(`No area is called "${text}". "absence-watch areas ${text}" searches more widely.`);
  // What is called so may have no figures: only its namesake, never a name that is merely like it, stands in for it.
  const taken = found.find(
    ({ area, match }) =>
      area.id !== undefined && match === best.match && foldName(area.name) === foldName(best.area.name),
  );
  if (taken === undefined || !isLoaded(taken.area)) throw new UsageError(withoutFigures(best.area, found));
  if (!EXACT.includes(taken.match)) context.out.remark(`"${text}" is taken for ${nameAndLevel(taken.area)}.`);
  return taken.area;
}

function isLoaded(area: AreaRow): area is Loaded {
  return area.id !== undefined;
}

function nameAndLevel({ name, level }: AreaRow): string {
  return `${name} (${level})`;
}

function withoutFigures(known: AreaRow, found: readonly { readonly area: AreaRow }[]): string {
  const near = found
    .map(({ area }) => area)
    .filter(isLoaded)
    .slice(0, PROPOSED);
  const instead = near.length === 0 ? '' : ` Near it, with figures: ${near.map(nameAndLevel).join(', ')}.`;
  return `${nameAndLevel(known)} is known, but no loaded figure is about it. Load data first ("run" or "backfill").${instead}`;
}
