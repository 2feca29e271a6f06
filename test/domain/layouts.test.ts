import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recogniseColumns } from '../../src/domain/columns.js';
import { columnKey, readLevel } from '../../src/domain/layouts.js';

const PLACE =
  'time_period,time_identifier,geographic_level,country_code,country_name,region_code,region_name,old_la_code,new_la_code,la_name';
const columns = (text: string): string[] => text.split(',');

describe('recognising a file by its columns', () => {
  it.each([
    [
      'wide',
      `${PLACE},education_phase,enrolments,enrolments_pa_10_exact,enrolments_pa_10_exact_percent,enrolments_pa_50_exact,enrolments_pa_50_exact_percent`,
    ],
    ['wide', `${PLACE},school_type,sess_overall_percent`],
    ['characteristics', `${PLACE},education_phase,breakdown_topic,breakdown,enrolments_pa_10_exact_percent`],
    ['characteristics', `${PLACE},school_type,characteristic,characteristic_breakdown,enrolments_pa_10_exact_percent`],
    ['characteristics', `${PLACE},school_type,characteristic,enrolments_pa_10_exact_percent`],
    ['long', `${PLACE},phase_type_grouping,absence_type,enrolment_count,enrolment_percent`],
    [
      'attendance',
      `${PLACE},school_type,enrolments,overall_absence_perc,authorised_absence_perc,unauthorised_absence_perc,pa_perc`,
    ],
    ['attendance persistent absence', `${PLACE},time_frame,education_phase,persistent_absence_percent`],
    [
      'before EES',
      'Term,Year,Level,Country_code,Country,Old_LA_code,LA_name,school_type,enrolments_pa_10_exact_percent',
    ],
  ])('%s: %s', (layout, header) => {
    expect(recogniseColumns(columns(header))).toMatchObject({ kind: 'usable', layout });
  });

  it.each([
    ['single days', `${PLACE},attendance_date,school_type,overall_absence_perc`],
    [
      'sessions by reason',
      `${PLACE},attendance_status,attendance_type,attendance_reason,session_count,session_percent`,
    ],
    ['bands of 5%', `${PLACE},phase_type_grouping,enrolments_overall_0_5`],
    ['none of the five', `${PLACE},school_type,enrolments`],
    ['none of the five', `${PLACE},t_pupils_pa_10_exact`],
    ['none of the five', 'LA,ESTAB,PPERSABS15,PPERSABS20'],
  ])('passes over %s', (reason, header) => {
    const read = recogniseColumns(columns(header));
    expect(read.kind).toBe('not ours');
    expect(read.kind === 'not ours' ? read.reason : '').toContain(reason);
  });

  it('cannot read a file without its period, identifier or level, and says which is missing', () => {
    const read = recogniseColumns(columns('country_code,geographic_level,sess_overall_percent'));
    expect(read).toEqual({
      kind: 'unreadable',
      reason: 'it has absence figures, but no column time_period, time_identifier',
    });
  });

  it.each([
    [';', '";"'],
    ['\t', 'tabs'],
    ['|', '"|"'],
  ])('does not pass over a file separated by %j: it says so', (separator, says) => {
    const line = `${PLACE},school_type,sess_overall_percent`.replaceAll(',', separator);
    const read = recogniseColumns([line]);
    expect(read.kind === 'unreadable' ? read.reason : '').toContain(`is separated by ${says}`);
  });

  it.each([
    [
      'the same name',
      `${PLACE},school_type,sess_overall_percent,Sess_Overall_Percent`,
      '"sess_overall_percent" (column 12) and "Sess_Overall_Percent" (column 13)',
    ],
    [
      'two spellings of one figure',
      `${PLACE},school_type,enrolments_pa10_exact_percent,enrolments_pa_10_exact_percent`,
      'mean the same',
    ],
    [
      'a doubled place',
      `${PLACE},la_name,school_type,sess_overall_percent`,
      '"la_name" (column 10) and "la_name" (column 11)',
    ],
  ])('does not choose between doubled columns: %s', (_, header, says) => {
    const read = recogniseColumns(columns(header));
    expect(read.kind === 'unreadable' ? read.reason : '').toContain(says);
  });

  it('notes columns it has never met, and only those', () => {
    const read = recogniseColumns(
      columns(`${PLACE},school_type,num_schools,sess_possible,new_thing,sess_overall_percent`),
    );
    expect(read.kind === 'usable' ? read.unfamiliar : []).toEqual(['new_thing']);
  });

  it('does not mind order, case, spaces or a byte order mark', () => {
    const header = columns(`${PLACE},school_type,enrolments,enrolments_pa_10_exact,enrolments_pa_10_exact_percent`);
    fc.assert(
      fc.property(fc.shuffledSubarray(header, { minLength: header.length }), fc.boolean(), (order, shout) => {
        const written = order.map((name) => (shout ? ` ${name.toUpperCase().replaceAll('_', ' ')} ` : name));
        written[0] = `\uFEFF${written[0] ?? ''}`;
        const read = recogniseColumns(written);
        if (read.kind !== 'usable') throw new Error(read.reason);
        const at = (index: number | undefined): string => columnKey(written[index ?? -1] ?? '');
        expect(at(read.columns.timePeriod)).toBe('time_period');
        expect(at(read.columns.oldLaCode)).toBe('old_la_code');
        expect(read.schoolTypes.map(at)).toEqual(['school_type']);
        expect(read.measures.map(([measure, index]) => [measure, at(index)])).toEqual([
          ['enrolments', 'enrolments'],
          ['persistent_absentees', 'enrolments_pa_10_exact'],
          ['persistent_absence_rate', 'enrolments_pa_10_exact_percent'],
        ]);
      }),
    );
  });

  it('knows levels in any case', () => {
    expect(readLevel('LOCAL AUTHORITY')).toBe('Local authority');
    expect(readLevel('Local Authority District')).toBe('Local authority district');
    expect(readLevel('Galaxy')).toBeUndefined();
  });
});
