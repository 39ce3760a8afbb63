import { Button } from "@mantine/core";
import { useState } from "react";
import { type LogLine, useRunLogs } from "../data/api";
import { Moment, Name } from "../parts/text";
import "./logs.css";

const SHOWN = 30;

/** The newest log lines of the run's processes; asked for only while they are looked at. */
export function Logs({ run }: { run: string }) {
  const [open, setOpen] = useState(false);
  return (
    <section className="card" aria-labelledby="logs">
      <h2 id="logs">Log lines</h2>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          Warnings, errors, and infos with a stack trace, newest first; they take up to a minute to
          come here
        </summary>
        {open && <Lines run={run} />}
      </details>
    </section>
  );
}

function Lines({ run }: { run: string }) {
  const { data, isError } = useRunLogs(run);
  const [all, setAll] = useState(false);
  if (data === undefined) {
    return (
      <p className="soft" role="status">
        {isError ? "Dr. Squirrel does not answer. Asking again." : "Loading the log lines…"}
      </p>
    );
  }
  if (data.lines.length === 0) {
    return <p className="soft">None has come since this run is watched.</p>;
  }
  const keys = keysOf(data.lines);
  const shown = all ? data.lines : data.lines.slice(0, SHOWN);
  const more = data.lines.length - shown.length;
  return (
    <>
      <ol className="lines">
        {shown.map((line, i) => (
          <Line key={keys[i]} line={line} />
        ))}
      </ol>
      {more > 0 && (
        <Button size="compact-sm" variant="default" onClick={() => setAll(true)}>
          Show {more} older {more === 1 ? "line" : "lines"}
        </Button>
      )}
      {!data.complete && more === 0 && (
        <p className="soft">There are older ones; only the newest {data.lines.length} are shown.</p>
      )}
    </>
  );
}

/** Keys that stay as they are when newer lines come before: what is open shall stay open. */
function keysOf(lines: readonly LogLine[]): string[] {
  const seen = new Map<string, number>();
  const keys = lines.toReversed().map(({ time_ms, container, logger, message }) => {
    const key = JSON.stringify([time_ms, container, logger, message]);
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return `${key}${seen.get(key)}`;
  });
  return keys.reverse();
}

function Line({ line }: { line: LogLine }) {
  const { time_ms, level, logger, message, throwable, task, container, count, dropped } = line;
  const place = [task, container || "JobManager"].filter(Boolean).join(" · ");
  return (
    <li>
      <Moment ms={time_ms} /> <b className={`level ${level.toLowerCase()}`}>{level}</b>{" "}
      <code>
        <Name>{logger}</Name>
      </code>
      {count > 1 && <> × {count}</>}
      {dropped > 0 && <> ({dropped} more of its kind were too many to be sent)</>}
      <Text wraps>{message}</Text>
      <small>
        <Name>{place}</Name>
        {line.of_process && " · names no job: it may be about another in this process"}
      </small>
      {throwable && (
        <details>
          <summary>Stack trace</summary>
          <Text>{throwable.trimEnd()}</Text>
        </details>
      )}
    </li>
  );
}

/** Lines as they were written; what is no printable character is shown as an escape. */
function Text({ children, wraps = false }: { children: string; wraps?: boolean }) {
  return (
    // What can be scrolled has to be reached by the keyboard.
    <pre className={wraps ? "wraps" : ""} tabIndex={wraps ? undefined : 0}>
      {children.split("\n").map((line, i) => (
        <span key={i}>
          <Name>{line.replaceAll("\t", "    ")}</Name>
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
