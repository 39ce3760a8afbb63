import { type KeyboardEvent, type PointerEvent, useCallback, useState } from "react";
import type { Strip } from "../data/api";
import { MINUTES } from "../parts/strip";

const within = (minute: number) => Math.min(MINUTES - 1, Math.max(0, minute));

/** One minute marked through all rows, by pointer and by keys; one row holds the tab stop. */
export function useCrosshair(rows: Strip[]) {
  const [minute, setMinute] = useState<number | null>(null);
  const [row, setRow] = useState<string | null>(null);
  const active = rows.find(({ id }) => id === row) ?? rows[0];

  const point = (event: PointerEvent) => {
    const minutes = (event.target as Element).closest(".minutes");
    if (!minutes) return;
    const { left, width } = minutes.getBoundingClientRect();
    setMinute(within(Math.floor(((event.clientX - left) / width) * MINUTES)));
  };

  const press = (event: KeyboardEvent) => {
    if (!(event.target as Element).matches("[role=slider]") || !active) return;
    const now = minute ?? active.worst_minute ?? MINUTES - 1;
    const minutes: Record<string, number> = {
      ArrowLeft: now - 1,
      ArrowRight: now + 1,
      PageDown: now - 10,
      PageUp: now + 10,
      Home: 0,
      End: MINUTES - 1,
    };
    const steps: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };
    if (event.key in minutes) {
      setMinute(within(minutes[event.key]!));
    } else if (event.key in steps) {
      const next = rows[rows.indexOf(active) + steps[event.key]!];
      if (next) document.getElementById(`row-${next.id}`)?.focus();
    } else {
      return;
    }
    event.preventDefault();
  };

  const focused = useCallback((strip: Strip) => {
    setRow(strip.id);
    setMinute((now) => now ?? strip.worst_minute ?? MINUTES - 1);
  }, []);

  const hand = {
    onPointerMove: point,
    onPointerDown: point,
    onPointerLeave: () => setMinute(null),
    onKeyDown: press,
  };
  return { minute, active, focused, hand };
}
