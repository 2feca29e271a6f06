/** Inputs made wrong by chance, each from a number of its own: what fails can be made again. */
import { chance, type Chance } from './chance.js';

/** How many inputs a fuzz test tries: a few in `npm test`, many in the long run. */
export const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 800);
const FIRST = Number(process.env['FUZZ_FIRST'] ?? 1);

/** No input may keep the processor longer (ms): what it takes on an idle machine, however busy this one is. */
const LONGEST_BUSY_MS = 1_000;
/** Nor may it be waited for longer (ms), which a busy machine stretches. */
const LONGEST_MS = 10_000;

/**
 * Tries inputs; an error names the number that makes it again: FUZZ_FIRST=… FUZZ_INPUTS=1.
 * @param attempt returns how many inputs it was
 * @returns how many it were
 */
export async function tryAll(inputs: number, attempt: (chance: Chance) => number | Promise<number>): Promise<number> {
  let tried = 0;
  for (let number = FIRST; tried < inputs; number++) {
    const started = performance.now();
    const before = process.cpuUsage();
    try {
      tried += await attempt(chance(number));
    } catch (error) {
      throw new Error(`FUZZ_FIRST=${number} FUZZ_INPUTS=1 makes this input again`, { cause: error });
    }
    const took = performance.now() - started;
    const { user, system } = process.cpuUsage(before);
    const busy = (user + system) / 1_000;
    if (took > LONGEST_MS || busy > LONGEST_BUSY_MS)
      throw new Error(`input ${number} took ${Math.round(took)} ms, ${Math.round(busy)} ms of the processor`);
  }
  return tried;
}

/** Bytes changed in a few places: flipped, cut out, doubled, or replaced by one of `pieces`. */
export function mutated(bytes: Buffer, chance: Chance, pieces: readonly (string | Buffer)[]): Buffer {
  let result = bytes;
  for (let change = chance.between(1, 4); change > 0; change--) {
    const at = chance.between(0, result.length);
    const end = Math.min(result.length, at + chance.of([0, 1, 1, 2, 10, 100, 1_000]));
    const middle = (): Buffer => {
      switch (chance.of(['piece', 'piece', 'piece', 'nothing', 'twice', 'flip'] as const)) {
        case 'piece':
          return Buffer.from(chance.of(pieces) as string);
        case 'nothing':
          return Buffer.alloc(0);
        case 'twice':
          return Buffer.concat([result.subarray(at, end), result.subarray(at, end)]);
        case 'flip':
          return Buffer.from(result.subarray(at, end).map((byte) => byte ^ (1 << chance.between(0, 7))));
      }
    };
    result = Buffer.concat([result.subarray(0, at), middle(), result.subarray(end)]);
  }
  return result;
}

/** A value of JSON with one thing in it changed: gone, of another type, absurdly large, or hostile. */
export function mutatedJson(value: unknown, chance: Chance): unknown {
  if (chance.next() < 0.15) return anything(chance);
  if (Array.isArray(value)) {
    if (value.length === 0) return chance.of([value, [anything(chance)]]);
    const at = chance.between(0, value.length - 1);
    if (chance.next() < 0.15) return value.filter((_, index) => index !== at);
    if (chance.next() < 0.15) return [...(value as unknown[]), value[at] as unknown];
    return value.map((item, index): unknown => (index === at ? mutatedJson(item, chance) : item));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return value;
    const [name] = chance.of(entries);
    if (chance.next() < 0.2) return Object.fromEntries(entries.filter(([key]) => key !== name));
    return Object.fromEntries(
      entries.map(([key, item]): [string, unknown] => [key, key === name ? mutatedJson(item, chance) : item]),
    );
  }
  return anything(chance);
}

function anything(chance: Chance): unknown {
  return chance.of<() => unknown>([
    () => null,
    () => true,
    () => -1,
    () => 1e308,
    () => 2 ** 53,
    () => '',
    () => 'x'.repeat(20_000),
    () => '../../../etc/passwd',
    () => 'http://127.0.0.1:1/',
    () => '\u0000\r\nX: y',
    () => '<script>alert(1)</script>',
    () => '9999-99-99T99:99:99Z',
    () => '1.0.0.0',
    () => [],
    () => [[[[[]]]]],
    () => ({}),
    () => ({ __proto__: null, constructor: 1, toString: 2 }),
    () => Array.from({ length: 2_000 }, (_, index) => index),
  ])();
}
