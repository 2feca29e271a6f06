/** Rules for tests: severe absence above 2.0% everywhere, unless said otherwise. */
import { TOTAL } from '../../src/domain/figure.js';
import type { Rule } from '../../src/domain/rule.js';

export function ruleWith(changes: Partial<Rule> = {}): Rule {
  return {
    name: 'Severe absence',
    measure: 'severe_absence_rate',
    areas: [{ by: 'all' }],
    condition: { kind: 'above', line: 2, clearBelow: undefined },
    worseBy: undefined,
    schoolType: 'Total',
    breakdown: TOTAL,
    timeIdentifiers: undefined,
    sources: undefined,
    dataSets: undefined,
    minEnrolments: 100,
    onSuppressed: 'keep',
    onMissingArea: 'keep',
    remind: false,
    notify: ['team'],
    ...changes,
  };
}
