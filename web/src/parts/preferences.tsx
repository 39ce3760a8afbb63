import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { freezeClock } from "./clock";

export type Zone = "utc" | "local";

interface Preferences {
  zone: Zone;
  setZone: (zone: Zone) => void;
  shortcuts: boolean;
  setShortcuts: (on: boolean) => void;
  /** Paused pages neither ask nor tick. Not kept: a page opened later is live. */
  paused: boolean;
  setPaused: (paused: boolean) => void;
}

const Context = createContext<Preferences | null>(null);

function useKept<T extends string>(name: string, first: T, allowed: readonly T[]) {
  const [value, setValue] = useState<T>(() => {
    const kept = localStorage.getItem(name) as T | null;
    return kept !== null && allowed.includes(kept) ? kept : first;
  });
  const keep = (next: T) => {
    localStorage.setItem(name, next);
    setValue(next);
  };
  return [value, keep] as const;
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  // The sentences of a report say UTC, and so do most logs.
  const [zone, setZone] = useKept<Zone>("zone", "utc", ["utc", "local"]);
  const [keys, setKeys] = useKept<"on" | "off">("shortcuts", "on", ["on", "off"]);
  const [paused, setPaused] = useState(false);
  const value = useMemo(
    () => ({
      zone,
      setZone,
      shortcuts: keys === "on",
      setShortcuts: (on: boolean) => setKeys(on ? "on" : "off"),
      paused,
      setPaused: (stop: boolean) => {
        freezeClock(stop);
        setPaused(stop);
      },
    }),
    [zone, keys, paused],
  );
  return <Context value={value}>{children}</Context>;
}

export function usePreferences(): Preferences {
  return useContext(Context)!;
}
