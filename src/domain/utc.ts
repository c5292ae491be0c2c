/** UTC hours and days as numbers since 1970. */
import { DAY_MS, HOUR_MS } from './limits.js';

export const hourOf = (ts: number): number => Math.floor(ts / HOUR_MS);
export const dayOf = (ts: number): number => Math.floor(ts / DAY_MS);
/** `YYYY-MM-DD`; years past 9999, which `MAX_TS` reaches, carry ISO 8601's sign and six digits. */
export const dayName = (day: number): string => new Date(day * DAY_MS).toISOString().replace(/T.*$/, '');
