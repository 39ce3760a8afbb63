import { LoaderCircle, Unplug } from "lucide-react";
import type { ClusterRow } from "../data/api";
import { Name, Sentence, Since, Time } from "../parts/text";

/** The clusters one has to know about: those that do not answer, and those not yet heard of. */
export function Clusters({ clusters }: { clusters: ClusterRow[] }) {
  return clusters
    .filter(({ state }) => state !== "answering")
    .map((cluster) => <Cluster key={cluster.id} cluster={cluster} />);
}

function Cluster({ cluster }: { cluster: ClusterRow }) {
  const { id, url, state, says, last_answer_ms: last } = cluster;
  const silent = state === "silent";
  return (
    <p className={silent ? "banner silent" : "banner"}>
      {silent ? <Unplug size={18} aria-hidden /> : <LoaderCircle size={18} aria-hidden />}
      <span>
        <b>
          Cluster <Name>{id}</Name> {silent ? "does not answer" : "is being connected"}
        </b>
        {silent &&
          (last === null ? (
            " and never has"
          ) : (
            <>
              {" "}
              for <Since ms={last} />, last at <Time ms={last} />
            </>
          ))}
        . {says && <Sentence>{says}</Sentence>}
        {silent && " Until it answers, nothing new is known of its jobs."}{" "}
        <small>
          <Name>{url}</Name>
        </small>
      </span>
    </p>
  );
}
