import { useEffect, useMemo, useRef, useState } from "react";

/** Items in the order of known ids; items not among them come last. */
export function arrange<T>(items: T[], ids: string[], id: (item: T) => string): T[] {
  const place = new Map(ids.map((known, i) => [known, i]));
  const at = (item: T) => place.get(id(item)) ?? ids.length;
  return [...items].sort((a, b) => at(a) - at(b));
}

/** Keeps the order of a list while pointer or focus is in it: nothing moves under a hand. */
export function useSteadyOrder<T>(items: T[], id: (item: T) => string) {
  const [pointer, setPointer] = useState(false);
  const [focus, setFocus] = useState(false);
  const order = useRef<string[]>([]);
  const held = pointer || focus;
  const shown = useMemo(() => (held ? arrange(items, order.current, id) : items), [items, held]);
  useEffect(() => {
    order.current = shown.map(id);
  }, [shown]);
  return {
    shown,
    hold: {
      onPointerEnter: () => setPointer(true),
      onPointerLeave: () => setPointer(false),
      onFocus: () => setFocus(true),
      onBlur: () => setFocus(false),
    },
  };
}
