import * as v from "valibot";
import type { JobRow, Verdict } from "./api";

export const VERDICTS = ["failing", "warning", "unknown", "healthy", "ended"] as const;

/** What the address says of the list: every view is a link. */
export interface Filters {
  verdicts: Verdict[];
  cluster: string;
  text: string;
}

export const NO_FILTERS: Filters = { verdicts: [], cluster: "", text: "" };

const VerdictWord = v.picklist(VERDICTS);
const Cluster = v.pipe(v.string(), v.maxLength(200));
const Text = v.pipe(v.string(), v.maxLength(100));

/** Filters from the query of an address; what is no filter is left out and named. */
export function parseFilters(query: string): { filters: Filters; repaired: string[] } {
  const params = new URLSearchParams(query);
  const repaired: string[] = [];

  const verdicts: Verdict[] = [];
  for (const word of (params.get("verdict") ?? "").split(",").filter(Boolean)) {
    const parsed = v.safeParse(VerdictWord, word);
    if (!parsed.success) repaired.push(`verdict=${word}`);
    else if (!verdicts.includes(parsed.output)) verdicts.push(parsed.output);
  }
  const take = (name: "cluster" | "q", schema: typeof Cluster | typeof Text) => {
    const parsed = v.safeParse(schema, params.get(name) ?? "");
    if (!parsed.success) repaired.push(`${name}, which is too long`);
    return parsed.success ? parsed.output : "";
  };
  const filters = { verdicts, cluster: take("cluster", Cluster), text: take("q", Text) };
  for (const name of new Set(params.keys())) {
    if (!["verdict", "cluster", "q"].includes(name)) repaired.push(name);
  }
  return { filters, repaired };
}

/** The query of an address for filters: "" for none. */
export function formatFilters({ verdicts, cluster, text }: Filters): string {
  const params = new URLSearchParams();
  if (verdicts.length) params.set("verdict", VERDICTS.filter((w) => verdicts.includes(w)).join());
  if (cluster) params.set("cluster", cluster);
  if (text) params.set("q", text);
  return params.toString();
}

export function matches(row: JobRow, { verdicts, cluster, text }: Filters): boolean {
  const needle = text.trim().toLowerCase();
  return (
    (!verdicts.length || verdicts.includes(row.verdict)) &&
    (!cluster || row.job.cluster === cluster) &&
    (!needle ||
      [row.job.name, row.job.cluster, row.headline].some((s) => s.toLowerCase().includes(needle)))
  );
}
