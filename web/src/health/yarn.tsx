import type { Report } from "../data/api";
import { Name, Sentence, Time } from "../parts/text";

type Facts = NonNullable<Report["yarn"]>;
type Container = NonNullable<Facts["containers"]>[number];

/** What YARN tells of the application the run is in: whose it is, and its containers. */
export function Yarn({ facts }: { facts: Facts }) {
  const containers = facts.containers ?? [];
  return (
    <section className="card" aria-labelledby="yarn">
      <h2 id="yarn">
        YARN{" "}
        <small>
          <Name>{facts.application}</Name>
        </small>
      </h2>
      <p>
        <Fact label="user">{facts.user}</Fact>
        <Fact label="queue">{facts.queue}</Fact>
        {facts.launched_ms && (
          <>
            launched <Time ms={facts.launched_ms} />
            {" · "}
          </>
        )}
        <b>
          <Name>{facts.state || "state not told"}</Name>
        </b>
        {facts.ended_ms && (
          <>
            {" "}
            at <Time ms={facts.ended_ms} />: <Name>{facts.final_status || "no final status"}</Name>
          </>
        )}
      </p>
      {facts.diagnostics && (
        <p className="soft">
          YARN says: <Name>{facts.diagnostics}</Name>
        </p>
      )}
      {facts.says && (
        <p className="soft">
          <Sentence>{facts.says}</Sentence>
        </p>
      )}
      {!!facts.unlisted && <p className="soft">{facts.unlisted} more containers run.</p>}
      {containers.length > 0 && <Containers containers={containers} />}
    </section>
  );
}

function Fact({ label, children }: { label: string; children?: string }) {
  return children ? (
    <>
      {label} <Name>{children}</Name>
      {" · "}
    </>
  ) : null;
}

function Containers({ containers }: { containers: Container[] }) {
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label="Containers">
      <table className="plain" style={{ minWidth: 680 }}>
        <thead>
          <tr>
            <th scope="col">Container</th>
            <th scope="col">State</th>
            <th scope="col">Memory</th>
            <th scope="col">vcores</th>
            <th scope="col">Node</th>
          </tr>
        </thead>
        <tbody>
          {containers.map((container) => (
            <tr key={container.id}>
              <th scope="row">
                <Name>{container.id}</Name>
              </th>
              <td>
                <Ending container={container} />
              </td>
              <td>{container.memory_mib ? `${container.memory_mib} MB` : "not told"}</td>
              <td>{container.vcores ?? "not told"}</td>
              <td>
                <Name>{container.node || "not told"}</Name>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How it stands; of one that has ended by which exit code, why, and who says it. */
function Ending({ container }: { container: Container }) {
  const { state, exit_code: code, kill, said_by: by } = container;
  const ended = state === "GONE" || typeof code === "number" || kill;
  if (!ended) return <Name>{state || "not told"}</Name>;
  const why = kill?.why.replace("-", " ");
  return (
    <>
      ended, {typeof code === "number" ? `exit code ${code}` : "its exit code is not known"}
      {why && ` (${why})`}
      {by && (
        <small>
          {" "}
          says the <Name>{by}</Name>
        </small>
      )}
    </>
  );
}
