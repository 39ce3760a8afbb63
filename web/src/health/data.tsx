import { CircleCheck, CircleDashed, Clock, type LucideIcon, Unplug } from "lucide-react";
import { Link } from "wouter";
import type { Report } from "../data/api";
import { spanText } from "../parts/clock";
import { Age, Name, Sentence, Time } from "../parts/text";

type Source = Report["data"]["sources"][number];

const STATES: Record<Source["state"], { icon: LucideIcon; tone: string }> = {
  fresh: { icon: CircleCheck, tone: "good" },
  late: { icon: Clock, tone: "warn" },
  stale: { icon: Unplug, tone: "warn" },
  missing: { icon: CircleDashed, tone: "unknown" },
};

/** How much is known, what is missing and how to get it, what we did to the cluster. */
export function DataCard({ report }: { report: Report }) {
  const { data, actions } = report;
  return (
    <section className="card" id="data" aria-labelledby="data-title" tabIndex={-1}>
      <h2 id="data-title">
        Data{" "}
        <small>
          <Age ageMs={data.age_ms} />, {data.observed_minutes} of 60 minutes seen
        </small>
      </h2>
      <ul className="also">
        {data.sources.map((source, i) => (
          <SourceLine key={i} source={source} />
        ))}
      </ul>
      {data.gaps.length > 0 && (
        <>
          <h3>What is missing</h3>
          <ul className="dots">
            {data.gaps.map((gap, i) => (
              <li key={i}>
                <Sentence>{gap}</Sentence>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>What we did to the cluster</h3>
      {actions.length === 0 && <p className="soft">Nothing but reading its state.</p>}
      <ul className="dots">
        {actions.map((action, i) => (
          <ActionLine key={i} action={action} />
        ))}
      </ul>
      <Origin report={report} />
    </section>
  );
}

function SourceLine({ source }: { source: Source }) {
  const { name, state, age_ms, says } = source;
  const { icon: Icon, tone } = STATES[state];
  return (
    <li>
      <span className={`mark ${tone}`}>
        <Icon size={15} aria-hidden />
        {state}
      </span>
      <span>
        <Sentence>{name}</Sentence>
        {age_ms !== null && (
          <>
            , <Age ageMs={age_ms} />
          </>
        )}
        {says && (
          <small>
            <Sentence>{says}</Sentence>
          </small>
        )}
      </span>
    </li>
  );
}

function ActionLine({ action }: { action: Report["actions"][number] }) {
  const { time_ms, what, container, took_ms, result } = action;
  return (
    <li>
      <Time ms={time_ms} />: <Name>{what}</Name> on <Name>{container}</Name>, took{" "}
      {took_ms < 1000 ? `${took_ms} ms` : spanText(took_ms)}
      {result && (
        <>
          . <Sentence>{result}</Sentence>
        </>
      )}
    </li>
  );
}

function Origin({ report }: { report: Report }) {
  const { run, made_ms } = report;
  return (
    <p className="soft">
      This run: <Link href={`/runs/${encodeURIComponent(run.id)}`}>permanent address</Link>, Flink
      job{" "}
      <code>
        <Name>{run.job_id}</Name>
      </code>
      , {run.is_heard ? "heard since" : "started"} <Time ms={run.start_ms} />,{" "}
      {run.state === "UNKNOWN" ? (
        "its state was not told"
      ) : (
        <>
          last seen <Name>{run.state}</Name>
        </>
      )}
      {run.flink_version && (
        <>
          , Flink <Name>{run.flink_version}</Name>
        </>
      )}
      . Report made <Time ms={made_ms} />.
    </p>
  );
}
