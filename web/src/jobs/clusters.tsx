import { CircleStop, LoaderCircle, Unplug } from "lucide-react";
import type { ClusterRow, YarnRow } from "../data/api";
import { Name, Sentence, Since, Time } from "../parts/text";

const NAMED = 3;

/** What one has to know: that Kafka or a YARN has trouble, and which clusters do not answer or not
 * yet. */
export function Clusters({
  clusters,
  yarns,
  kafkaSays,
}: {
  clusters: ClusterRow[];
  yarns: YarnRow[];
  kafkaSays: string;
}) {
  return (
    <>
      {kafkaSays && (
        <p className="banner silent">
          <Unplug size={18} aria-hidden />
          <span>
            <b>Kafka is not read as it should be.</b> <Sentence>{kafkaSays}</Sentence>
          </span>
        </p>
      )}
      {yarns
        .filter(({ says }) => says !== "")
        .map(({ url, says }) => (
          <p className="banner silent" key={url}>
            <Unplug size={18} aria-hidden />
            <span>
              <b>
                Not all that Flink runs on YARN <Name>{url}</Name> is found.
              </b>{" "}
              <Sentence>{says}</Sentence>
            </span>
          </p>
        ))}
      {clusters
        .filter(({ state }) => state !== "answering" && state !== "ended")
        .filter(({ state, url }) => !(state === "heard" && url === ""))
        .map((cluster) => (
          <Cluster key={cluster.id} cluster={cluster} kafkaSays={kafkaSays} />
        ))}
      <Ended clusters={clusters.filter(({ state }) => state === "ended")} />
    </>
  );
}

/** Applications of YARN come and go: all that have ended in one line. */
function Ended({ clusters }: { clusters: ClusterRow[] }) {
  if (clusters.length === 0) return null;
  const more = clusters.length - NAMED;
  return (
    <p className="banner">
      <CircleStop size={18} aria-hidden />
      <span>
        <b>
          {clusters.length} YARN {clusters.length === 1 ? "application has" : "applications have"}
          {" ended"}
        </b>
        :{" "}
        {clusters.slice(0, NAMED).map(({ id }, i) => (
          <span key={id}>
            {i > 0 && ", "}
            <Name>{id}</Name>
          </span>
        ))}
        {more > 0 && ` and ${more} more`}.{" "}
        {clusters.length === 1 ? "Its last page stays" : "Their last pages stay"} for a day.
      </span>
    </p>
  );
}

/** One that is only heard says nothing of why while Kafka itself is not read: that stands above. */
function Cluster({ cluster, kafkaSays }: { cluster: ClusterRow; kafkaSays: string }) {
  const { id, url, state, last_answer_ms: last } = cluster;
  const silent = state === "silent" || state === "heard";
  const asked = url !== "";
  const says = asked || !kafkaSays ? cluster.says : "";
  const missing = !asked
    ? "tells nothing of its jobs"
    : `does not answer${state === "heard" ? " over REST" : ""}`;
  return (
    <p className={silent ? "banner silent" : "banner"}>
      {silent ? <Unplug size={18} aria-hidden /> : <LoaderCircle size={18} aria-hidden />}
      <span>
        <b>
          Cluster <Name>{id}</Name> {silent ? missing : "is being connected"}
        </b>
        {silent &&
          asked &&
          (last === null ? (
            " and never has"
          ) : (
            <>
              {" "}
              for <Since ms={last} />, last at <Time ms={last} />
            </>
          ))}
        . {says && <Sentence>{says}</Sentence>}
        {state === "silent" && asked && " Until it answers, nothing new is known of its jobs."}
        {state === "silent" && !asked && " Until it does, nothing new is known of them."}
        {!says.includes(url) && (
          <small>
            {" "}
            <Name>{url}</Name>
          </small>
        )}
      </span>
    </p>
  );
}
