// Numbers, dates and times as the browser's language writes them.

import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

const locales = navigator.languages;
const whole = new Intl.NumberFormat(locales, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(locales, { maximumFractionDigits: 1 });
const shares = new Intl.NumberFormat(locales, { style: "percent", maximumFractionDigits: 0 });
const times = new Intl.DateTimeFormat(locales, { dateStyle: "medium", timeStyle: "short" });
const distances = new Intl.RelativeTimeFormat(locales, { numeric: "auto" });
const kilobytes = new Intl.NumberFormat(locales, { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 });
const megabytes = new Intl.NumberFormat(locales, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });

/** Writes a count. */
export function count(n: number | bigint): string {
  return whole.format(n);
}

/** Writes a count and its noun. */
export function counted(n: number | bigint, noun: string, nouns = `${noun}s`): string {
  return `${count(n)} ${Number(n) === 1 ? noun : nouns}`;
}

/** Writes a speed: with a digit after the point if it is small. */
export function speed(perSecond: number): string {
  return `${(perSecond < 10 ? tenths : whole).format(perSecond)}/s`;
}

/** Writes a share of 1 in percent. What is little is not written as nothing. */
export function percent(share: number): string {
  return share > 0 && share < 0.005 ? `< ${shares.format(0.01)}` : shares.format(share);
}

/** Writes a size. */
export function bytes(n: number | bigint): string {
  const size = Number(n);
  return size < 1_000_000 ? kilobytes.format(Math.ceil(size / 1000)) : megabytes.format(size / 1_000_000);
}

/** Writes a moment with its date. */
export function moment(at: Timestamp | undefined): string {
  return at === undefined ? "" : times.format(millisOf(at));
}

/** Writes how long ago a moment was, such as "5 minutes ago". */
export function ago(at: Timestamp | undefined): string {
  if (at === undefined) {
    return "";
  }
  const seconds = Math.min(0, (millisOf(at) - Date.now()) / 1000);
  for (const [unit, length] of units) {
    if (-seconds >= length) {
      return distances.format(Math.round(seconds / length), unit);
    }
  }
  return distances.format(Math.round(seconds), "second");
}

const units = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

/** Returns a moment in ms since the epoch. */
export function millisOf(at: Timestamp): number {
  return Number(at.seconds) * 1000 + at.nanos / 1e6;
}

/** Returns a duration in seconds. */
export function secondsOf(duration: Duration): number {
  return Number(duration.seconds) + duration.nanos / 1e9;
}

/** Writes a duration in seconds, such as "2 min 5 s". */
export function duration(seconds: number): string {
  if (seconds < 1) {
    return `${whole.format(seconds * 1000)} ms`;
  }
  if (seconds < 60) {
    return `${(seconds < 10 ? tenths : whole).format(seconds)} s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 10) {
    return `${Math.floor(seconds / 60)} min ${whole.format(Math.floor(seconds % 60))} s`;
  }
  if (minutes < 120) {
    return `${whole.format(minutes)} min`;
  }
  return `${tenths.format(minutes / 60)} h`;
}
