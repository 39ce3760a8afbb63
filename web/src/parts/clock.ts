import { useSyncExternalStore } from "react";
import type { Zone } from "./preferences";

let aheadMs = 0;
let frozen = false;
let nowMs = Date.now();
const listeners = new Set<() => void>();

function tick() {
  if (frozen) return;
  nowMs = Date.now() + aheadMs;
  for (const listener of listeners) listener();
}
setInterval(tick, 1_000);

const listen = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** Takes the server's clock from an answer: ages and times of day are told by it, not by ours. */
export function setClock(date: string | null) {
  const serverMs = Date.parse(date ?? "");
  // The header has whole seconds: a difference below that is no difference.
  const ahead = serverMs - Date.now();
  if (Number.isNaN(serverMs)) return;
  aheadMs = Math.abs(ahead) < 1_500 ? 0 : ahead;
  tick();
}

/** While the page is paused its clock stands still. */
export function freezeClock(paused: boolean) {
  frozen = paused;
  tick();
}

/** The server's time at one of ours. */
export const serverMs = (ourMs: number) => ourMs + aheadMs;

/** The server's time now, once a second. */
export const useNowMs = () => useSyncExternalStore(listen, () => nowMs);

const parts = (zone: Zone, more: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: zone === "utc" ? "UTC" : undefined, ...more });

const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false };
const DAY: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };

function formats(zone: Zone) {
  return {
    clock: parts(zone, CLOCK),
    seconds: parts(zone, { ...CLOCK, second: "2-digit" }),
    moment: parts(zone, { ...CLOCK, second: "2-digit", fractionalSecondDigits: 3 }),
    day: parts(zone, DAY),
    full: parts(zone, { ...DAY, ...CLOCK, year: "numeric", second: "2-digit" }),
  };
}
const FORMATS = { utc: formats("utc"), local: formats("local") };

/** "13:41", and the day before it when it is not today. */
export const clockText = (ms: number, zone: Zone, nowMs: number) =>
  dated("clock", ms, zone, nowMs);

/** "13:41:07.250", and the day before it when it is not today. */
export const momentText = (ms: number, zone: Zone, nowMs: number) =>
  dated("moment", ms, zone, nowMs);

function dated(how: "clock" | "moment", ms: number, zone: Zone, nowMs: number): string {
  const { day, [how]: format } = FORMATS[zone];
  const on = day.format(ms);
  return on === day.format(nowMs) ? format.format(ms) : `${on}, ${format.format(ms)}`;
}

export const secondsText = (ms: number, zone: Zone) => FORMATS[zone].seconds.format(ms);

/** The same moment in both zones, for a title. */
export function bothZones(ms: number): string {
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${FORMATS.utc.full.format(ms)} UTC · ${FORMATS.local.full.format(ms)} ${local}`;
}

/** A length of time as a person says it: "45 s", "22 min", "3 h 5 min", "2 d 4 h". */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const two = (big: number, unit: string, small: number, smallUnit: string) =>
    small ? `${big} ${unit} ${small} ${smallUnit}` : `${big} ${unit}`;
  if (hours < 24) return two(hours, "h", minutes % 60, "min");
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

// "13:40 UTC", and both ends of "13:40 and 13:41 UTC".
const CLOCK_IN_SENTENCE = /\b([01]\d|2[0-3]):([0-5]\d)(?=(?:(?: and | to |–)\d\d:\d\d)? UTC\b)/g;
const DAY_MS = 86_400_000;

/** A sentence of a report with its UTC times of the last day put into the reader's zone. */
export function inZone(sentence: string, zone: Zone, madeMs: number): string {
  if (zone === "utc") return sentence;
  const midnight = madeMs - (madeMs % DAY_MS);
  const local = sentence.replace(CLOCK_IN_SENTENCE, (_, hour, minute) => {
    const today = midnight + (Number(hour) * 60 + Number(minute)) * 60_000;
    return FORMATS.local.clock.format(today > madeMs + 60_000 ? today - DAY_MS : today);
  });
  return local.replace(/(\d\d:\d\d) UTC\b/g, "$1");
}
