/**
 * Decimal arithmetic for figures: rounding is half away from zero on the decimal digits (6.55 is 6.6), never on a
 * binary approximation. Statistics are compared unrounded and shown rounded.
 */
import { Decimal as DecimalJs } from 'decimal.js';

export const Decimal = DecimalJs.clone({ precision: 60, rounding: DecimalJs.ROUND_HALF_UP });
export type Decimal = DecimalJs;

/** A published value (text or number) as a decimal. @throws when it is no number */
export function decimal(value: string | number): Decimal {
  return new Decimal(value);
}

/** Rounded for print, half away from zero. @returns for example '17.3', '-0.7', '2.0' */
export function printed(value: Decimal | string | number, places = 1): string {
  const text = new Decimal(value).toFixed(places, DecimalJs.ROUND_HALF_UP);
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text;
}

/** A number somebody chose, to be printed as chosen: '6,569', '10.5'. */
export function printedAsGiven(value: Decimal | string | number): string {
  const exact = new Decimal(value);
  const [whole = '', fraction] = printed(exact, exact.decimalPlaces()).split('.');
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...(fraction === undefined ? [] : [fraction])].join('.');
}

/** A whole number with thousands separators: '6,569'. */
export function printedCount(value: Decimal | string | number): string {
  return printed(value, 0).replace(/\B(?=(\d{3})+$)/g, ',');
}
