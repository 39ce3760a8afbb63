import { Button } from "@mantine/core";
import { type CSSProperties, useMemo, useState } from "react";
import type { LastHour, Strip } from "../data/api";
import { clockText, useNowMs } from "../parts/clock";
import { usePreferences } from "../parts/preferences";
import { rangeText, rateText } from "../parts/number";
import { Sparkline } from "../parts/sparkline";
import { MINUTES } from "../parts/strip";
import { Sentence, visible } from "../parts/text";
import type { Tone } from "../parts/words";
import { useCrosshair } from "./crosshair";
import { HourRow } from "./hour_row";

const GROUPS: [Strip["kind"], string][] = [
  ["backpressure", "Backpressure, in the order of the data"],
  ["gc", "Garbage collection, per container"],
  ["checkpoints", "Checkpoints"],
  ["restarts", "Restarts"],
];
const MINUTE_MS = 60_000;
/** Groups longer than this show only the rows in which something stood out. */
const LONG = 12;

const striking = ({ cells, culprit, first }: Strip) => culprit || first || /[lh]/.test(cells);

/** The rows by what they show; of long groups only what stood out, unless all are asked for. */
function grouped(strips: Strip[], all: boolean) {
  return GROUPS.map(([kind, title]) => {
    const some = strips.filter((strip) => strip.kind === kind);
    return { title, rows: all || some.length <= LONG ? some : some.filter(striking) };
  }).filter(({ rows }) => rows.length > 0);
}

/** The last hour on one clock, with one line through all rows. */
export function Hour({ hour, tone }: { hour: LastHour; tone: Tone }) {
  const [all, setAll] = useState(false);
  const groups = useMemo(() => grouped(hour.strips, all), [hour, all]);
  const shown = groups.flatMap(({ rows }) => rows);
  const hidden = hour.strips.length - shown.length;
  const { minute, active, focused, hand } = useCrosshair(shown);
  return (
    <section className="card" aria-labelledby="hour">
      <h2 id="hour">
        The last hour on one clock <small>60 minutes, newest right</small>
        <Legend />
      </h2>
      {hour.strips.length === 0 && <p className="soft">Nothing of the last hour was seen.</p>}
      {shown.length > 0 && (
        <>
          <Readout hour={hour} minute={minute} />
          <div
            className={minute === null ? "strips" : "strips pointed"}
            style={{ "--minute": minute ?? 0 } as CSSProperties}
            {...hand}
          >
            {groups.map(({ title, rows }) => (
              <div key={title} className="group" role="group" aria-label={title}>
                <h3>{title}</h3>
                {rows.map((strip) => (
                  <HourRow
                    key={strip.id}
                    strip={strip}
                    fromMs={hour.from_ms}
                    minute={strip === active ? (minute ?? MINUTES - 1) : null}
                    onFocus={focused}
                  />
                ))}
              </div>
            ))}
            <RateRow values={hour.records_per_s} />
            <Axis fromMs={hour.from_ms} />
          </div>
        </>
      )}
      {(hidden > 0 || all) && (
        <Button size="compact-sm" variant="default" onClick={() => setAll(!all)}>
          {all ? "Show only rows in which something stood out" : `Show ${hidden} calm rows as well`}
        </Button>
      )}
      {hour.sentence && (
        <p className={`say ${tone}`}>
          <Sentence>{hour.sentence}</Sentence>
        </p>
      )}
    </section>
  );
}

function Legend() {
  return (
    <span className="legend" aria-label="Signs">
      {[
        ["clear", "clear"],
        ["some", "some"],
        ["high", "high"],
        ["unseen", "not seen"],
      ].map(([kind, word]) => (
        <span key={kind}>
          <svg viewBox="0 0 10 16" width="10" height="16" className="strip" aria-hidden>
            <path className={kind} d="M.5 .5h9v15h-9z" />
          </svg>
          {word}
        </span>
      ))}
    </span>
  );
}

const MOST_NAMED = 4;

/** What all rows say of the pointed minute. */
function Readout({ hour, minute }: { hour: LastHour; minute: number | null }) {
  const { zone } = usePreferences();
  const now = useNowMs();
  if (minute === null) {
    return (
      <p className="readout soft" aria-live="polite">
        Point at a minute, or move through rows and minutes with the arrow keys.
      </p>
    );
  }
  const rate = hour.records_per_s[minute] ?? null;
  const said = [
    ["h", "high"],
    ["l", "some"],
    ["_", "not seen"],
  ].flatMap(([cell, word]) => {
    const names = hour.strips.filter(({ cells }) => cells[minute] === cell).map(({ name }) => name);
    if (names.length === 0) return [];
    const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
    return [`${word}: ${names.slice(0, MOST_NAMED).map(visible).join(", ")}${more}`];
  });
  return (
    <p className="readout" aria-live="polite">
      <b>{clockText(hour.from_ms + minute * MINUTE_MS, zone, now)}</b>{" "}
      <bdi>{said.join(" · ") || "all clear"}</bdi>
      {rate !== null && ` · ${rateText(rate)} records/s`}
    </p>
  );
}

/** Records a second that left the sources, on the same clock. */
function RateRow({ values }: { values: LastHour["records_per_s"] }) {
  const seen = values.filter((value) => value !== null);
  if (seen.length === 0) return null;
  // The minute that has just begun has no rate yet.
  const last = values.at(-1) ?? values.at(-2) ?? null;
  const range = rangeText(seen, "a second");
  return (
    <div className="group">
      <h3>Records that left the sources</h3>
      <div className="row">
        <span className="row-name">records/s</span>
        <div className="minutes">
          <Sparkline values={values} label={`Records that left the sources: ${range}`} />
        </div>
        <span className="row-says">
          {range}, {last === null ? "not seen" : rateText(last)} now
        </span>
      </div>
    </div>
  );
}

/** So many minutes are as wide on a phone as a time below them. */
const ROOM_MINUTES = 5;

/** The quarters of an hour under the strips. */
function Axis({ fromMs }: { fromMs: number }) {
  const { zone } = usePreferences();
  const quarters = Array.from({ length: MINUTES }, (_, i) => i).filter(
    (i) => Math.floor((fromMs + i * MINUTE_MS) / MINUTE_MS) % 15 === 0,
  );
  return (
    <div className="axis" aria-hidden>
      {quarters.map((i) => (
        <span
          key={i}
          className={i > MINUTES - ROOM_MINUTES ? "late" : undefined}
          style={{ left: `${(i / MINUTES) * 100}%` }}
        >
          {clockText(fromMs + i * MINUTE_MS, zone, fromMs + i * MINUTE_MS)}
        </span>
      ))}
    </div>
  );
}
