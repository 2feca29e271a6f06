/** Files up to 2023/24 have a row each on Inner and Outer London, and none on London. */
import { describe, expect, it } from 'vitest';
import { freshProgram } from '../support/program.js';
import { HAS_REAL_DATA, realFile, WITH_REAL_DATA } from '../support/real-data.js';

const RULE = (within: string): string =>
  `  - { name: "${within}", measure: severe_absence_rate, areas: [{ level: Local authority, within: ${within} }], above: 0, notify: [desk] }`;

describe.skipIf(!HAS_REAL_DATA)(`the boroughs of London${WITH_REAL_DATA}`, () => {
  it('stand beside the half of London that the file has, and are found within it', async () => {
    const program = await freshProgram();
    await program.configure(`
sources: [{ publication: pupil-absence-in-schools-in-england }]
recipients: { desk: [desk@example.org] }
mail: { from: "Absence watch <absence@example.org>" }
rules:
${['Inner London', 'Outer London', 'London'].map(RULE).join('\n')}
`);
    const file = realFile('absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv');
    const said = await program.run(
      ...['backfill', '--file', file, '--publication', 'pupil-absence-in-schools-in-england', '--release', '2022/23'],
      '--json',
    );
    expect(said.code, said.stdout + said.stderr).toBe(0);
    // The newest figures are loaded quietly, too, and that is said: of all boroughs but the City of London, where nobody
    // was severely absent in 2022/23, under two rules each.
    expect(said.json()).toMatchObject({ open_unmailed: 2 * (13 + 19) });
    const camden = await program.run('brief', '--area', 'Camden');
    expect(camden.stdout.replace(/\s+/g, ' ')).toMatch(
      /Persistent absence in Camden \([\d.]+%\) was (lower|higher) than in England \([^)]*\) and (lower than |higher than )?in Inner London \(/,
    );
    const bromley = await program.run('brief', '--area', 'Bromley');
    expect(bromley.stdout).toContain('Outer London');
    expect(bromley.stdout).not.toContain('Inner London');
    const events = (await program.run('alerts', 'list', '--json')).json() as { rule: string; area_name: string }[];
    const watched = (rule: string): number =>
      new Set(events.filter((event) => event.rule === rule).map(({ area_name }) => area_name)).size;
    expect([watched('Inner London'), watched('Outer London'), watched('London')]).toEqual([14, 19, 33]);
  });
});
