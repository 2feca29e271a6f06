/** Areas: one identity for each, through re-coding and renaming. */

export type GeographicLevel =
  | 'National'
  | 'Regional'
  | 'Local authority'
  | 'School'
  | 'Local authority district'
  | 'Parliamentary constituency'
  | 'Ward'
  | 'Local enterprise partnership'
  | 'Local skills improvement plan area'
  | 'English devolved area'
  | 'Mayoral combined authority'
  | 'Opportunity area'
  | 'Police force area'
  | 'RSC region'
  | 'MAT'
  | 'Sponsor'
  | 'Provider'
  | 'Institution'
  | 'Planning area';

/** An area as one row of a file names it, with the key that stays when codes and names change. */
export interface AreaRef {
  readonly level: GeographicLevel;
  /**
   * Identity within the level: the country code, the region code, DfE's three digits of an authority (its ONS code
   * where a file has none), the URN of a school.
   */
  readonly key: string;
  /** As the file has it, trimmed; '' where blank. For a school the URN. */
  readonly code: string;
  /** DfE's three digits, for an authority, and for a school those of its authority. */
  readonly oldLaCode: string | undefined;
  readonly name: string;
  readonly regionCode: string | undefined;
  readonly regionName: string | undefined;
}
