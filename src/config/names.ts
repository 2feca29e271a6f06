/** Names that only loaded figures can tell right from wrong, collected from the file as it is, right or wrong. */
import { canonicalBreakdown } from '../domain/breakdowns.js';
import { canonicalSchoolType } from '../domain/school-types.js';
import type { WatchedName } from '../domain/rule.js';
import { selectorOf } from './build.js';
import { isSection, items, list, section } from './crosscheck.js';
import type { Path, Problems } from './problems.js';
import type { PlacedName } from './types.js';

/** @param root what the YAML says, of any shape @param problems knows where things stand */
export function placedNames(root: unknown, problems: Problems): PlacedName[] {
  const names: PlacedName[] = [];
  const add = (name: WatchedName, path: Path): void => {
    names.push({ ...name, place: problems.placeOf(path) });
  };
  const addAreas = (holder: unknown, path: Path): void => {
    for (const [area, at] of items(section(holder)['areas'], [...path, 'areas']))
      if (isArea(area)) add({ kind: 'area', selector: selectorOf(area) }, at);
  };
  const file = section(root);
  for (const [index, rule] of list(file['rules']).entries()) {
    const path = ['rules', index];
    addAreas(rule, path);
    const { school_type, breakdown } = section(rule);
    const schoolType = typeof school_type === 'string' ? canonicalSchoolType(school_type) : undefined;
    if (schoolType !== undefined) add({ kind: 'school type', schoolType }, [...path, 'school_type']);
    const { topic, value } = section(breakdown);
    if (typeof topic === 'string' && typeof value === 'string')
      add({ kind: 'breakdown', breakdown: canonicalBreakdown(topic, value) }, [...path, 'breakdown']);
  }
  for (const [index, brief] of list(file['briefs']).entries()) addAreas(brief, ['briefs', index]);
  return names;
}

function isArea(area: unknown): area is Parameters<typeof selectorOf>[0] {
  if (isSection(area))
    return (
      typeof area['level'] === 'string' &&
      (area['within'] === undefined || typeof area['within'] === 'string' || typeof area['within'] === 'number')
    );
  return typeof area === 'string' || typeof area === 'number';
}
