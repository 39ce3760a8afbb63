import { NativeSelect, TextInput } from "@mantine/core";
import { Search } from "lucide-react";
import type { JobList, Verdict } from "../data/api";
import { type Filters, VERDICTS } from "../data/filters";
import { visible } from "../parts/text";
import { VERDICTS as WORDS } from "../parts/words";

interface Props {
  list: JobList;
  filters: Filters;
  change: (filters: Filters) => void;
}

/** How many jobs there are of each verdict; pressing one shows only those. */
export function FilterBar({ list, filters, change }: Props) {
  const { verdicts, cluster, text } = filters;
  const known = list.clusters.map(({ id }) => id);
  const clusters = cluster && !known.includes(cluster) ? [...known, cluster] : known;
  const toggle = (verdict: Verdict) =>
    change({
      ...filters,
      verdicts: verdicts.includes(verdict)
        ? verdicts.filter((other) => other !== verdict)
        : [...verdicts, verdict],
    });
  return (
    <section className="summary" aria-label="Counts and filters">
      <p className="total">
        <b>{list.jobs.length}</b> {list.jobs.length === 1 ? "job" : "jobs"} on{" "}
        {list.clusters.length} {list.clusters.length === 1 ? "cluster" : "clusters"}
      </p>
      <div className="counts" role="group" aria-label="Show only">
        {VERDICTS.map((verdict) => {
          const { word, icon: Icon, tone } = WORDS[verdict];
          const count = list.jobs.filter((row) => row.verdict === verdict).length;
          return (
            <button
              key={verdict}
              type="button"
              className={`count ${count ? tone : "none"}`}
              aria-pressed={verdicts.includes(verdict)}
              onClick={() => toggle(verdict)}
            >
              <Icon size={16} />
              <b>{count}</b> {word.toLowerCase()}
            </button>
          );
        })}
      </div>
      <div className="fields">
        {clusters.length > 1 && (
          <NativeSelect
            aria-label="Cluster"
            value={cluster}
            onChange={(event) => change({ ...filters, cluster: event.currentTarget.value })}
            data={[
              { value: "", label: "all clusters" },
              ...clusters.map((id) => ({ value: id, label: visible(id) })),
            ]}
          />
        )}
        <TextInput
          id="filter"
          type="search"
          aria-label="Filter by job, cluster or words"
          placeholder="job, cluster or words"
          maxLength={100}
          leftSection={<Search size={15} aria-hidden />}
          value={text}
          onChange={(event) => change({ ...filters, text: event.currentTarget.value })}
        />
      </div>
    </section>
  );
}
