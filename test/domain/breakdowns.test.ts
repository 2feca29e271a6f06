import { describe, expect, it } from 'vitest';
import { canonicalBreakdown, knownBreakdowns } from '../../src/domain/breakdowns.js';
import { canonicalSchoolType, schoolTypeInWords } from '../../src/domain/school-types.js';
import { TOTAL } from '../../src/domain/figure.js';

describe('school types', () => {
  it.each([
    ['Total', 'Total'],
    ['All schools', 'Total'],
    ['Primary', 'State-funded primary'],
    ['state-funded secondary', 'State-funded secondary'],
    ['Special schools', 'Special'],
    ['Pupil Referral Unit', 'Alternative provision'],
    ['State-funded AP school', 'Alternative provision'],
    ['PRU/Academy/Free school AP', 'Alternative provision'],
    ['State-funded primary and secondary', 'State-funded primary and secondary'],
    ['Nursery', 'State-funded nursery'],
    ['Wizarding academy', undefined],
    ['', undefined],
  ])('calls "%s" %s', (spelling, name) => {
    expect(canonicalSchoolType(spelling)).toBe(name);
  });

  it.each([
    ['Absence in pupil referral units, autumn and spring terms', 'Alternative provision'],
    ['4_Absence_2term_PRU', 'Alternative provision'],
    ['Absence in primary and secondary schools', 'State-funded primary and secondary'],
    ['Absence in state-funded primary, secondary and special schools', 'Total'],
    ['Absence by geographic level', undefined],
    ['Absence of pupils with special educational needs', undefined],
    ['Primary need of pupils in pupil referral units', undefined],
    ['Absence by SEN primary need - academic year', undefined],
    ['Absence by secondary reason', undefined],
    ['Not special schools', undefined],
    ['Absence in secondary schools, excluding special', undefined],
    ['Independent special schools', undefined],
    ['Absence in special schools', 'Special'],
  ])('hears in the title "%s": %s', (title, type) => {
    expect(schoolTypeInWords(title)).toBe(type);
  });
});

describe('pupil groups', () => {
  it.each([
    ['', 'SEN_provision_Statement_or_EHCP', 'SEN provision', 'EHC plan'],
    ['', 'SEN - Statement or EHCP', 'SEN provision', 'EHC plan'],
    ['SEN provision', 'Education, health and care plan', 'SEN provision', 'EHC plan'],
    ['SEN status', 'EHC plan', 'SEN provision', 'EHC plan'],
    ['SEN provision', 'SEN support / SEN without an EHC plan', 'SEN provision', 'SEN support'],
    ['SEN status', 'No identified special educational need', 'SEN provision', 'No SEN'],
    ['SEN primary need', 'No SEN', 'SEN primary need', 'No SEN'],
    ['FSM eligibility', 'Not Eligible', 'FSM eligibility', 'Not FSM eligible'],
    ['', 'FSM_eligible_in_last_6_years', 'FSM eligibility in last 6 years', 'FSM eligible in last 6 years'],
    ['Free school meal eligibility', 'Eligible for free school meals', 'FSM eligibility', 'FSM eligible'],
    ['SEN status', 'SEN - Statement or EHCP', 'SEN provision', 'EHC plan'],
    ['Sex', 'Gender_male', 'Sex', 'Male'],
    // The value alone, where only one topic has it.
    ['', 'EHC plan', 'SEN provision', 'EHC plan'],
    ['Total', 'Education, health and care plan', 'SEN provision', 'EHC plan'],
    ['', 'Unclassified', 'Characteristic', 'Unclassified'],
    ['', 'Gender_female', 'Sex', 'Female'],
    ['Sex', 'Boys', 'Sex', 'Male'],
    ['', 'Ethnicity_Major_White_Total', 'Ethnicity major', 'White'],
    ['', 'NC_Year_12_and_above', 'Year group', 'Year 12 and above'],
  ])('calls %s / %s: %s / %s', (topic, value, ourTopic, ourValue) => {
    expect(canonicalBreakdown(topic, value)).toEqual({ topic: ourTopic, breakdown: ourValue });
  });

  it('calls every total, also inside a topic, Total', () => {
    for (const topic of ['', 'Total', 'SEN provision', 'Anything'])
      expect(canonicalBreakdown(topic, 'Total')).toBe(TOTAL);
    expect(canonicalBreakdown('Sex', 'All pupils')).toBe(TOTAL);
  });

  it('keeps what it does not know as it is spelled, never as a total', () => {
    expect(canonicalBreakdown('Rurality', 'Urban')).toEqual({ topic: 'Rurality', breakdown: 'Urban' });
    expect(canonicalBreakdown('', 'Something_new')).toEqual({ topic: 'Characteristic', breakdown: 'Something_new' });
  });

  it('reads its own names back as themselves', () => {
    for (const group of knownBreakdowns()) expect(canonicalBreakdown(group.topic, group.breakdown)).toEqual(group);
  });
});
