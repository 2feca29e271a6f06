/** Loaded into the program before its first line: its clock is ahead of (or behind) the machine's by CLOCK_SHIFT_MS. */
const shift = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const RealDate = Date;

const ShiftedDate: DateConstructor = new Proxy(RealDate, {
  construct: (target, parts: unknown[], newTarget) =>
    Reflect.construct(
      target,
      parts.length === 0 ? [RealDate.now() + shift] : parts,
      newTarget === ShiftedDate ? target : newTarget,
    ) as object,
  get: (target, name) => (name === 'now' ? () => RealDate.now() + shift : (Reflect.get(target, name) as unknown)),
});

globalThis.Date = ShiftedDate;
