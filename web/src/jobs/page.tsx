import { Button } from "@mantine/core";
import { Fragment, useEffect, useMemo, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { type ClusterRow, type JobList, useJobs, type YarnRow } from "../data/api";
import { type Filters, formatFilters, matches, NO_FILTERS, parseFilters } from "../data/filters";
import { useVerdictChanges } from "../parts/announce";
import { Blocks, Document } from "../parts/states";
import { Name, visible } from "../parts/text";
import { Clusters } from "./clusters";
import { FilterBar } from "./filter_bar";
import { JobTable } from "./table";
import "./jobs.css";

/** The filters in the address, repaired; and the way to change them. */
function useFilters() {
  const search = useSearch();
  const [, navigate] = useLocation();
  const { filters, repaired } = useMemo(() => parseFilters(search), [search]);
  const [notice, setNotice] = useState<string[]>([]);
  const change = (next: Filters) => {
    const query = formatFilters(next);
    navigate(query ? `/?${query}` : "/", { replace: true });
  };
  useEffect(() => {
    if (repaired.length === 0) return;
    setNotice(repaired);
    change(filters);
  }, [repaired]);
  return { filters, change, notice, dismiss: () => setNotice([]) };
}

export function JobsPage() {
  return (
    <>
      <title>Jobs · Dr. Squirrel</title>
      <h1 className="aloud">Jobs, worst first</h1>
      <Document reading={useJobs()} skeleton={<Blocks what="jobs" heights={[40, 40, 380]} />}>
        {(list) => <Jobs list={list} />}
      </Document>
    </>
  );
}

function Jobs({ list }: { list: JobList }) {
  const { filters, change, notice, dismiss } = useFilters();
  useVerdictChanges(
    useMemo(
      () => list.jobs.map(({ job, verdict }) => ({ id: job.id, name: job.name, verdict })),
      [list],
    ),
  );
  const shown = useMemo(() => list.jobs.filter((row) => matches(row, filters)), [list, filters]);
  return (
    <>
      <Clusters clusters={list.clusters} yarns={list.yarns} kafkaSays={list.kafka_says} />
      {notice.length > 0 && (
        <p className="banner" role="status">
          <span>
            Left out of the address, because it is no filter:{" "}
            {notice.map((part, i) => (
              <Fragment key={part}>
                {i > 0 && ", "}
                <code>
                  <Name>{part}</Name>
                </code>
              </Fragment>
            ))}
          </span>
          <Button size="compact-sm" variant="default" onClick={dismiss}>
            Dismiss
          </Button>
        </p>
      )}
      {list.jobs.length > 0 && <FilterBar list={list} filters={filters} change={change} />}
      {shown.length > 0 ? (
        <JobTable rows={shown} />
      ) : list.jobs.length > 0 ? (
        <section className="card state">
          <h2>No job matches</h2>
          <p>{list.jobs.length} jobs are known; none fits these filters.</p>
          <Button size="sm" onClick={() => change(NO_FILTERS)}>
            Show all jobs
          </Button>
        </section>
      ) : (
        <NoJobs clusters={list.clusters} yarns={list.yarns} />
      )}
    </>
  );
}

function NoJobs({ clusters, yarns }: { clusters: ClusterRow[]; yarns: YarnRow[] }) {
  const answering = clusters.filter(({ state }) => state === "answering");
  const heard = clusters.filter(({ state }) => state === "heard");
  return (
    <section className="card state">
      <h2>No jobs yet</h2>
      {answering.length > 0 ? (
        <p>
          {answering.map(({ id }) => visible(id)).join(", ")}{" "}
          {answering.length === 1 ? "is there and runs" : "are there and run"} no job. Start one: it
          appears here within some seconds.
        </p>
      ) : heard.length > 0 ? (
        <p>
          {heard.map(({ id }) => visible(id)).join(", ")}{" "}
          {heard.length === 1 ? "is heard and has" : "are heard and have"} told of no job so far.
          Where one runs, it appears here within some seconds.
        </p>
      ) : clusters.length > 0 ? (
        <p>
          No cluster has answered so far, or been heard through Kafka. As soon as one is there, its
          jobs appear here.
        </p>
      ) : yarns.length > 0 ? (
        <p>
          {yarns.every(({ found }) => found === 0)
            ? "On YARN runs no application of Flink."
            : "No application of Flink was found on YARN so far."}{" "}
          As soon as one is there, its jobs appear here.
        </p>
      ) : (
        <p>
          No cluster is watched. Start with <code>make run FLINK=http://host:8081</code>.
        </p>
      )}
    </section>
  );
}
