import { ActionIcon, Button, useMantineColorScheme } from "@mantine/core";
import { type QueryState, useQueryClient } from "@tanstack/react-query";
import { CircleHelp, Monitor, Moon, Pause, Play, Sun } from "lucide-react";
import { type RefObject, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { Refusal } from "../data/api";
import { bothZones, secondsText, useNowMs } from "./clock";
import { usePreferences } from "./preferences";

const SCHEMES = {
  auto: { icon: Monitor, next: "light" },
  light: { icon: Sun, next: "dark" },
  dark: { icon: Moon, next: "auto" },
} as const;

function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { icon: Icon, next } = SCHEMES[colorScheme];
  const label = `Colours: ${colorScheme === "auto" ? "as the system" : colorScheme}`;
  return (
    <ActionIcon
      variant="default"
      size={32}
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(next)}
    >
      <Icon size={17} aria-hidden />
    </ActionIcon>
  );
}

function ZoneButton() {
  const { zone, setZone } = usePreferences();
  const now = useNowMs();
  return (
    <Button
      variant="default"
      className="zone"
      title={`${bothZones(now)}. Press for times in ${zone === "utc" ? "local time" : "UTC"}.`}
      onClick={() => setZone(zone === "utc" ? "local" : "utc")}
    >
      <span className="zone-clock">{secondsText(now, zone)}&nbsp;</span>
      <b>{zone === "utc" ? "UTC" : "local"}</b>
    </Button>
  );
}

/** Whether what the page asked for last was not answered; that something is not known is one. */
function useSilence(): boolean {
  const cache = useQueryClient().getQueryCache();
  return useSyncExternalStore(
    (listener) => cache.subscribe(listener),
    () => cache.getAll().some((query) => query.isActive() && isUnanswered(query.state)),
  );
}

function isUnanswered({ status, error }: QueryState): boolean {
  return status === "error" && !(error instanceof Refusal && error.status === 404);
}

function PauseButton() {
  const { paused, setPaused } = usePreferences();
  const silent = useSilence();
  return (
    <Button
      variant="default"
      className={paused || silent ? "paused" : "live"}
      leftSection={<i className="dot" aria-hidden />}
      rightSection={paused ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
      title={paused ? "Go on asking" : "Stop asking and moving"}
      onClick={() => setPaused(!paused)}
    >
      {paused ? "Paused" : silent ? "No answer" : "Live"}
    </Button>
  );
}

export function Header({ help }: { help: RefObject<HTMLDialogElement | null> }) {
  return (
    <header className="top">
      <Link href="/" className="brand">
        <img src="/squirrel.svg" alt="" width={22} height={22} />
        <span>Dr. Squirrel</span>
      </Link>
      <div className="controls">
        <PauseButton />
        <ZoneButton />
        <SchemeButton />
        <ActionIcon
          variant="default"
          size={32}
          aria-label="Help: keys and signs"
          title="Help (?)"
          onClick={() => help.current?.showModal()}
        >
          <CircleHelp size={17} aria-hidden />
        </ActionIcon>
      </div>
    </header>
  );
}
