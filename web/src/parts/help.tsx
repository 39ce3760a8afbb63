import { Button, Kbd, Switch } from "@mantine/core";
import { type RefObject, useEffect, useRef } from "react";
import { usePreferences } from "./preferences";

const KEYS: [keys: string[], does: string][] = [
  [["?"], "this help"],
  [["/"], "go to the filter of the list"],
  [["p"], "pause and go on"],
  [["z"], "times in UTC or local"],
  [["←", "→"], "in the last hour: a minute back or forth"],
  [["↑", "↓"], "in the last hour: the row above or below"],
  [["Home", "End"], "in the last hour: its first or last minute"],
];

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.matches("input, select, textarea, [contenteditable]");

/** The shortcuts of the whole page. Single keys, so they can be turned off (WCAG 2.1.4). */
export function useShortcuts(help: RefObject<HTMLDialogElement | null>) {
  const preferences = usePreferences();
  const now = useRef(preferences);
  now.current = preferences;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const { shortcuts, paused, setPaused, zone, setZone } = now.current;
      if (!shortcuts || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) {
        return;
      }
      const filter = document.getElementById("filter");
      if (event.key === "?") help.current?.showModal();
      else if (event.key === "p") setPaused(!paused);
      else if (event.key === "z") setZone(zone === "utc" ? "local" : "utc");
      else if (event.key === "/" && filter) filter.focus();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

export function Help({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  const { shortcuts, setShortcuts } = usePreferences();
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title">
      <h2 id="help-title">Keys and signs</h2>
      <dl>
        {KEYS.map(([keys, does]) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <Switch
        checked={shortcuts}
        onChange={(event) => setShortcuts(event.currentTarget.checked)}
        label="Single-key shortcuts"
      />
      <p>
        <b>Not assessed</b> and <b>unknown</b> mean that data is missing: never that all is well. A
        check judges the last hour; the verdict and its cause say what holds now.
      </p>
      <Button size="sm" onClick={() => dialog.current?.close()}>
        Close
      </Button>
    </dialog>
  );
}
