import { ActionIcon, Button, useMantineColorScheme } from "@mantine/core";
import { CircleHelp, Monitor, Moon, Pause, Play, Sun } from "lucide-react";
import type { RefObject } from "react";
import { Link } from "wouter";
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
      <span>{secondsText(now, zone)}</span>
      &nbsp;
      <b>{zone === "utc" ? "UTC" : "local"}</b>
    </Button>
  );
}

function PauseButton() {
  const { paused, setPaused } = usePreferences();
  return (
    <Button
      variant="default"
      className={paused ? "paused" : "live"}
      leftSection={paused ? <Play size={15} aria-hidden /> : <Pause size={15} aria-hidden />}
      title={paused ? "Go on asking" : "Stop asking and moving"}
      onClick={() => setPaused(!paused)}
    >
      {paused ? "Paused" : "Live"}
    </Button>
  );
}

export function Header({ help }: { help: RefObject<HTMLDialogElement | null> }) {
  return (
    <header className="top">
      <Link href="/" className="brand">
        <img src="/squirrel.svg" alt="" width={22} height={22} />
        Dr. Squirrel
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
