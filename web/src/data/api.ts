import { useQuery } from "@tanstack/react-query";
import createClient from "openapi-fetch";
import { setClock } from "../parts/clock";
import { usePreferences } from "../parts/preferences";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Report = Schemas["Report"];
export type Answer = Schemas["Answer"];
export type Advice = Schemas["Advice"];
export type Evidence = Schemas["Evidence"];
export type Incident = Schemas["Incident"];
export type Culprit = Schemas["Culprit"];
export type CheckResult = Schemas["CheckResult"];
export type LastHour = Schemas["LastHour"];
export type Strip = Schemas["Strip"];
export type Node = Schemas["Node"];
export type JobList = Schemas["JobList"];
export type JobRow = Schemas["JobRow"];
export type ClusterRow = Schemas["ClusterRow"];
export type YarnRow = Schemas["YarnRow"];
export type LogList = Schemas["LogList"];
export type LogLine = Schemas["LogLine"];
export type RulePage = Schemas["RulePage"];
export type Verdict = Report["verdict"];
export type Outcome = CheckResult["outcome"];
export type Confidence = Answer["confidence"];

/** How often a page asks again. */
export const POLL_MS = 5_000;

/** The server answered, but not with the document. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(`${title} ${detail}`.trim());
  }
}

const client = createClient<paths>();

// The client widens tuples to arrays: the document's own type is named at each call.
async function read<T>(
  call: Promise<{ data?: unknown; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (data === undefined) {
    const told = (typeof error === "object" && error !== null ? error : {}) as Partial<
      Schemas["Problem"]
    >;
    throw new Refusal(
      response.status,
      told.title ?? `The server answered ${response.status}.`,
      told.detail ?? "",
    );
  }
  setClock(response.headers.get("date"));
  return data as T;
}

function useReading<T>(key: readonly string[], ask: (signal: AbortSignal) => Promise<T>) {
  const { paused } = usePreferences();
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask(signal),
    refetchInterval: paused ? false : POLL_MS,
    refetchOnWindowFocus: !paused,
  });
}

export function useJobs() {
  return useReading(["jobs"], (signal) => read<JobList>(client.GET("/api/v1/jobs", { signal })));
}

export function useJobReport(job: string) {
  return useReading(["job", job], (signal) =>
    read<Report>(client.GET("/api/v1/jobs/{job}/report", { params: { path: { job } }, signal })),
  );
}

export function useRunReport(run: string) {
  return useReading(["run", run], (signal) =>
    read<Report>(client.GET("/api/v1/runs/{run}/report", { params: { path: { run } }, signal })),
  );
}

export function useRunLogs(run: string) {
  return useReading(["logs", run], (signal) =>
    read<LogList>(client.GET("/api/v1/runs/{run}/logs", { params: { path: { run } }, signal })),
  );
}

export function useRule(code: string) {
  return useQuery({
    queryKey: ["rule", code],
    queryFn: ({ signal }) =>
      read<RulePage>(client.GET("/api/v1/rules/{code}", { params: { path: { code } }, signal })),
    staleTime: Infinity,
  });
}
