/** Times, in the viewer's zone and language, told anew as time passes. */
import { useSyncExternalStore } from "react";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayMonthYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** The whole time, for a title. */
export function fullTime(time: string): string {
  return full.format(new Date(time));
}

export function clockTime(time: string): string {
  return clock.format(new Date(time));
}

/** How long ago: "5 min", "3 h", "2 days", then the date. */
export function ago(time: string, now: number): string {
  const then = new Date(time);
  const passed = now - then.getTime();
  if (passed < MINUTE) return "now";
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min`;
  if (passed < DAY) return `${Math.floor(passed / HOUR)} h`;
  const days = Math.floor(passed / DAY);
  if (days < 7) return days === 1 ? "1 day" : `${days} days`;
  return (then.getFullYear() === new Date(now).getFullYear() ? dayMonth : dayMonthYear).format(then);
}

/** The day a message came on, to stand between messages. */
export function dayName(time: string, now: number): string {
  const then = new Date(time);
  const today = new Date(now);
  if (sameDay(then, today)) return "Today";
  if (sameDay(then, new Date(now - DAY))) return "Yesterday";
  return then.getFullYear() === today.getFullYear() ? weekday.format(then) : dayMonthYear.format(then);
}

export function sameDay(one: Date, other: Date): boolean {
  return one.toDateString() === other.toDateString();
}

/** A clock that all its readers share: one timer for each pace. */
class Ticker {
  #now = Date.now();
  #timer: number | undefined;
  readonly #pace: number;
  readonly #listeners = new Set<() => void>();

  constructor(pace: number) {
    this.#pace = pace;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#now = Date.now();
      this.#timer = window.setInterval(this.#tick, this.#pace);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      window.clearInterval(this.#timer);
      this.#timer = undefined;
    };
  };

  now = (): number => this.#now;

  #tick = (): void => {
    this.#now = Date.now();
    for (const listener of this.#listeners) listener();
  };
}

const slow = new Ticker(15_000);
const fast = new Ticker(500);

/** The time now, told anew every 15 seconds. */
export function useNow(): number {
  return useSyncExternalStore(slow.subscribe, slow.now);
}

/** The time now, told anew twice a second: for what counts down. */
export function useCountdown(): number {
  return useSyncExternalStore(fast.subscribe, fast.now);
}
