import { CircleCheck, CircleDashed, Clock, type LucideIcon, Unplug } from "lucide-react";
import { Link } from "wouter";
import type { Report } from "../data/api";
import { spanText } from "../parts/clock";
import { Age, Name, Sentence, Time } from "../parts/text";

type State = Report["data"]["sources"][number]["state"];

const STATES: Record<State, { icon: LucideIcon; tone: string }> = {
  fresh: { icon: CircleCheck, tone: "good" },
  late: { icon: Clock, tone: "warn" },
  stale: { icon: Unplug, tone: "warn" },
  missing: { icon: CircleDashed, tone: "unknown" },
};

/** How much is known, what is missing and how to get it, what we did to the cluster. */
export function DataCard({ report }: { report: Report }) {
  const { data, actions, run } = report;
  return (
    <section className="card" id="data" aria-labelledby="data-title" tabIndex={-1}>
      <h2 id="data-title">
        Data{" "}
        <small>
          <Age ageMs={data.age_ms} />, {data.observed_minutes} of 60 minutes seen
        </small>
      </h2>
      <ul className="also">
        {data.sources.map(({ name, state, age_ms, says }, i) => {
          const { icon: Icon, tone } = STATES[state];
          return (
            <li key={i}>
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
        })}
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
      {actions.length === 0 ? (
        <p className="soft">Nothing but reading its state.</p>
      ) : (
        <ul className="dots">
          {actions.map(({ time_ms, what, container, took_ms, result }, i) => (
            <li key={i}>
              <Time ms={time_ms} />: <Name>{what}</Name> on <Name>{container}</Name>, took{" "}
              {took_ms < 1000 ? `${took_ms} ms` : spanText(took_ms)}
              {result && (
                <>
                  . <Sentence>{result}</Sentence>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      <p className="soft">
        This run: <Link href={`/runs/${encodeURIComponent(run.id)}`}>permanent address</Link>, Flink
        job{" "}
        <code>
          <Name>{run.job_id}</Name>
        </code>
        , started <Time ms={run.start_ms} />, last seen <Name>{run.state}</Name>
        {run.flink_version && (
          <>
            , Flink <Name>{run.flink_version}</Name>
          </>
        )}
        . Report made <Time ms={report.made_ms} />.
      </p>
    </section>
  );
}
