/** A rule that is right, with its lines replaced or added to. Its lines begin at line 3, column 5. */
export function rule(lines: Record<string, string | undefined>): string {
  const all: Record<string, string | undefined> = {
    name: 'R',
    measure: 'severe_absence_rate',
    areas: '[Luton]',
    above: '2.0',
    ...lines,
  };
  const written = Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]));
  return `rules:\n  - ${written.join('\n    ')}\n`;
}
