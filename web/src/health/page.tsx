import type { UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { type Report, useJobReport, useRunReport } from "../data/api";
import { useVerdictChanges } from "../parts/announce";
import { Blocks, Document } from "../parts/states";
import { Name, visible } from "../parts/text";
import { VERDICTS } from "../parts/words";
import { Advices } from "./advice";
import { AlsoSeen } from "./also_seen";
import { Checks } from "./checks";
import { DataCard } from "./data";
import { Hour } from "./hour";
import { Logs } from "./logs";
import { VerdictCard } from "./verdict";
import { Why } from "./why";
import { Yarn } from "./yarn";
import "./health.css";
import "./hour.css";

export function JobPage({ job }: { job: string }) {
  return <Health reading={useJobReport(job)} />;
}

export function RunPage({ run }: { run: string }) {
  return <Health reading={useRunReport(run)} />;
}

function Health({ reading }: { reading: UseQueryResult<Report> }) {
  return (
    <Document
      reading={reading}
      skeleton={<Blocks what="the report" heights={[20, 210, 220, 260, 320]} />}
    >
      {(report) => <Page report={report} />}
    </Document>
  );
}

/** A job's page: the sentence, what to do and why, the last hour, the checks, the data. */
function Page({ report }: { report: Report }) {
  const { job, verdict } = report;
  useVerdictChanges(
    useMemo(() => [{ id: job.id, name: job.name, verdict }], [job.id, job.name, verdict]),
  );
  return (
    <>
      <title>{`${VERDICTS[verdict].word}: ${visible(job.name)} · Dr. Squirrel`}</title>
      <nav className="crumbs" aria-label="Where you are">
        <Link href="/">Jobs</Link> /{" "}
        <Link href={`/?cluster=${encodeURIComponent(job.cluster)}`}>
          <Name>{job.cluster}</Name>
        </Link>{" "}
        /{" "}
        <b>
          <Name>{job.name}</Name>
        </b>
      </nav>
      <VerdictCard report={report} />
      <div className="two">
        <Advices report={report} />
        <Why report={report} />
        <AlsoSeen report={report} />
      </div>
      <Hour hour={report.hour} tone={VERDICTS[verdict].tone} />
      <Checks checks={report.checks} />
      {report.data.logs && <Logs run={report.run.id} />}
      {report.yarn && <Yarn facts={report.yarn} />}
      <DataCard report={report} />
    </>
  );
}
