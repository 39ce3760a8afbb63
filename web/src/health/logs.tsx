import { useState } from "react";
import { type LogLine, useRunLogs } from "../data/api";
import { Name, Time } from "../parts/text";
import "./logs.css";

/** The newest log lines of the run's processes; asked for only while they are looked at. */
export function Logs({ run }: { run: string }) {
  const [open, setOpen] = useState(false);
  return (
    <section className="card" aria-labelledby="logs">
      <h2 id="logs">Log lines</h2>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Warnings, errors, and infos with a stack trace, newest first</summary>
        {open && <Lines run={run} />}
      </details>
    </section>
  );
}

function Lines({ run }: { run: string }) {
  const { data, isError } = useRunLogs(run);
  if (data === undefined) {
    return (
      <p className="soft" role="status">
        {isError ? "Dr. Squirrel does not answer. Asking again." : "Loading the log lines…"}
      </p>
    );
  }
  if (data.lines.length === 0) {
    return <p className="soft">None was sent since this run is watched.</p>;
  }
  return (
    <>
      <ol className="lines">
        {data.lines.map((line, i) => (
          <Line key={`${line.time_ms}${line.container}${i}`} line={line} />
        ))}
      </ol>
      {!data.complete && (
        <p className="soft">There are older ones; only the newest {data.lines.length} are shown.</p>
      )}
    </>
  );
}

function Line({ line }: { line: LogLine }) {
  const { time_ms, level, logger, message, throwable, task, container, count, dropped } = line;
  return (
    <li>
      <Time ms={time_ms} /> <b className={`level ${level.toLowerCase()}`}>{level}</b>{" "}
      <code>
        <Name>{logger}</Name>
      </code>
      {count > 1 && <> × {count}</>}
      {dropped > 0 && <> ({dropped} more of its kind were too many to be sent)</>}
      <Text>{message}</Text>
      <small>
        <Name>{[task, container].filter(Boolean).join(" · ")}</Name>
      </small>
      {throwable && (
        <details>
          <summary>Stack trace</summary>
          <Text>{throwable}</Text>
        </details>
      )}
    </li>
  );
}

/** Lines as they were written; what is no printable character is shown as an escape. */
function Text({ children }: { children: string }) {
  return (
    <pre tabIndex={0}>
      {children.split("\n").map((line, i) => (
        <span key={i}>
          <Name>{line.replaceAll("\t", "    ")}</Name>
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
