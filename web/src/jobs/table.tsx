import { memo } from "react";
import { Link } from "wouter";
import type { JobRow } from "../data/api";
import { rangeText, rateText } from "../parts/number";
import { Sparkline } from "../parts/sparkline";
import { useSteadyOrder } from "../parts/steady";
import { StripPicture, stripText } from "../parts/strip";
import { Age, Name, Sentence, Since } from "../parts/text";
import { Mark, VERDICTS } from "../parts/words";

/** The jobs, worst first. Roles are spelled out: on a phone the rows are no table to CSS. */
export function JobTable({ rows }: { rows: JobRow[] }) {
  const { shown, hold } = useSteadyOrder(rows, ({ job }) => job.id);
  return (
    <table className="card jobs" role="table" {...hold}>
      <caption className="aloud">Jobs, worst first</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">State</th>
          <th role="columnheader">Job</th>
          <th role="columnheader">What is wrong</th>
          <th role="columnheader">
            Last hour <small>worst of each minute</small>
          </th>
          <th role="columnheader">Records/s</th>
          <th role="columnheader">Data</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {shown.map((row) => (
          <Row key={row.job.id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

const Row = memo(function Row({ row }: { row: JobRow }) {
  const { job, verdict, since_ms: since, live_runs: runs } = row;
  return (
    <tr role="row">
      <td role="cell" className="state-cell">
        <Mark of={VERDICTS[verdict]} />
        <small>
          {since === null ? null : (
            <>
              {verdict === "ended" ? "" : "for "}
              <Since ms={since} />
              {verdict === "ended" ? " ago" : ""}
            </>
          )}
        </small>
      </td>
      <td role="cell" className="job-cell">
        <Link href={`/jobs/${encodeURIComponent(job.id)}`}>
          <Name clip>{job.name}</Name>
        </Link>
        <small>
          <Name clip>{job.cluster}</Name>
          {runs > 1 && ` · ${runs} live runs, the worst shown`}
        </small>
      </td>
      <td role="cell" className="wrong-cell">
        <span className={verdict === "healthy" || verdict === "ended" ? "calm" : ""}>
          <Sentence>{row.headline}</Sentence>
        </span>
        <small>
          <Sentence>{row.subline}</Sentence>
        </small>
      </td>
      <td role="cell" className="hour-cell">
        <StripPicture cells={row.cells} />
        <span className="aloud">{stripText(row.cells)}</span>
      </td>
      <td role="cell" className="rate-cell">
        <Rate values={row.records_per_s} />
      </td>
      <td role="cell" className="age-cell">
        <small>
          <Age ageMs={row.data_age_ms} />
        </small>
      </td>
    </tr>
  );
});

function Rate({ values }: { values: readonly (number | null)[] }) {
  const seen = values.filter((value) => value !== null);
  // The minute that has just begun has no rate yet.
  const last = values.at(-1) ?? values.at(-2) ?? null;
  if (!seen.length) return null;
  const range = rangeText(seen, "records a second");
  return (
    <>
      <Sparkline values={values} label={range} />
      <small>{last === null ? "not seen" : `${rateText(last)}/s`}</small>
    </>
  );
}
