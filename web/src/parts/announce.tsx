import { useEffect, useRef, useSyncExternalStore } from "react";
import type { Verdict } from "../data/api";
import { visible } from "./text";
import { VERDICTS } from "./words";

let said = "";
const listeners = new Set<() => void>();

/** The one place screen readers are interrupted from: a verdict changed. */
export function Announcer() {
  const text = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => said,
  );
  return (
    <p className="aloud" aria-live="polite">
      {text}
    </p>
  );
}

const MOST = 3;

/** Announces the jobs whose verdict is another than in the document before. */
export function useVerdictChanges(jobs: { id: string; name: string; verdict: Verdict }[]) {
  const before = useRef(new Map<string, Verdict>());
  useEffect(() => {
    const changed = jobs.filter(({ id, verdict }) => {
      const was = before.current.get(id);
      return was !== undefined && was !== verdict;
    });
    const texts = changed.slice(0, MOST).map(({ id, name, verdict }) => {
      const was = VERDICTS[before.current.get(id)!].word.toLowerCase();
      return `${visible(name)} is now ${VERDICTS[verdict].word.toLowerCase()}, was ${was}.`;
    });
    if (changed.length > MOST) texts.push(`${changed.length - MOST} more changed.`);
    before.current = new Map(jobs.map(({ id, verdict }) => [id, verdict]));
    if (texts.length) {
      said = texts.join(" ");
      for (const listener of listeners) listener();
    }
  }, [jobs]);
}
