/** Gate on pupil groups: a group that the program has no name for is a spelling of one that it knows, or a new one. */
import { groupsOfFewTopic, isKnownBreakdown } from '../domain/breakdowns.js';
import type { Breakdown } from '../domain/figure.js';
import { Findings, verdictOf } from './gate-figures.js';
import type { Gate } from './gates.js';

/**
 * Of topics with few groups that never change (SEN provision, FSM eligibility, sex) an unknown one is another spelling:
 * filed under it, the group that a rule watches would be gone without a word. Of other topics it may be a new group.
 * @param column as the file calls its column of groups, for messages
 */
export function pupilGroups(column: string | undefined): Gate {
  const seen = new Set<Breakdown>();
  const spelt = new Findings();
  const fresh = new Findings();
  return {
    observe({ breakdown, line }) {
      // One object for each group of a file, so that this is asked once a group and not once a row.
      if (seen.has(breakdown)) return;
      seen.add(breakdown);
      if (isKnownBreakdown(breakdown)) return;
      const groups = groupsOfFewTopic(breakdown.topic);
      const where = `line ${line}${column === undefined ? '' : `, column ${column}`}: "${breakdown.breakdown}"`;
      if (groups === undefined) fresh.add(() => `${where} of ${breakdown.topic}`);
      else spelt.add(() => `${where} is no group of ${breakdown.topic} that is known (${groups.join(', ')})`);
    },
    verdict() {
      if (spelt.count > 0) return verdictOf('pupil groups', 'quarantine', spelt, '');
      const found = verdictOf('pupil groups', 'warn', fresh, 'all pupil groups are known');
      return fresh.count === 0 ? found : { ...found, message: `kept as the file calls them: ${found.message}` };
    },
  };
}
