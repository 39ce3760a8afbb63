import { CircleHelp, History, Leaf, Siren } from "lucide-react";
import type { ReactNode } from "react";
import type { Culprit, Incident, Report } from "../data/api";
import { Name, Sentence, Time } from "../parts/text";
import { RuleLink } from "./why";

/** What the sentence does not say: symptoms without a cause, incidents, benign states. */
export function AlsoSeen({ report }: { report: Report }) {
  const { incidents, symptoms, benign } = report;
  const unexplained = symptoms.filter(({ explained_by }) => explained_by.length === 0);
  if (incidents.length + unexplained.length + benign.length === 0) return null;
  return (
    <section className="card" aria-labelledby="also">
      <h2 id="also">Also seen</h2>
      <ul className="also">
        {unexplained.map(({ code, text, onset, culprit }, i) => (
          <Line
            key={`${code}${i}`}
            icon={<CircleHelp size={15} aria-hidden />}
            word="Not explained"
          >
            <Sentence>{text}</Sentence>
            <small>
              <Where culprit={culprit} />
              {onset && (
                <>
                  {" "}
                  since <Time ms={onset.earliest_ms} />
                </>
              )}
            </small>
          </Line>
        ))}
        {alike(incidents).map((group, i) => (
          <Incidents key={i} group={group} />
        ))}
        {benign.map(({ code, text }, i) => (
          <Line key={`${code}${i}`} icon={<Leaf size={15} aria-hidden />} word="Harmless">
            <Sentence>{text}</Sentence>
          </Line>
        ))}
      </ul>
    </section>
  );
}

/** Incidents that are told alike, such as the turns of a restart loop, are one line. */
function alike(incidents: Incident[]): Incident[][] {
  const groups = new Map<string, Incident[]>();
  for (const incident of incidents) {
    const { title, cause, note, ended_ms } = incident;
    const key = JSON.stringify([title, cause, note, ended_ms === null]);
    groups.set(key, [...(groups.get(key) ?? []), incident]);
  }
  return [...groups.values()];
}

function Incidents({ group }: { group: Incident[] }) {
  const { title, culprit, cause, note, ended_ms } = group[0]!;
  const open = ended_ms === null;
  const failures = group.reduce((sum, incident) => sum + incident.failures, 0);
  const Icon = open ? Siren : History;
  return (
    <Line icon={<Icon size={15} aria-hidden />} word={open ? "Incident, open" : "Incident, over"}>
      <Time ms={Math.min(...group.map(({ began_ms }) => began_ms))} />
      {" – "}
      {open ? "now" : <Time ms={Math.max(...group.map(({ ended_ms: end }) => end ?? 0))} />}
      {group.length > 1 && `, ${group.length} times`}: <Sentence>{title}</Sentence>
      <small>
        <Where culprit={culprit} />
        {failures > group.length && ` ${failures} failures. `}
        {note && <Sentence>{note}</Sentence>} {cause && <RuleLink code={cause} />}
      </small>
    </Line>
  );
}

function Line({ icon, word, children }: { icon: ReactNode; word: string; children: ReactNode }) {
  return (
    <li>
      <span className="kind">
        {icon}
        {word}
      </span>
      <span>{children}</span>
    </li>
  );
}

function Where({ culprit }: { culprit: Culprit }) {
  const { vertex, operator, subtasks, container, host } = culprit;
  const subtask = subtasks?.length ? `subtask ${subtasks.join(", ")}` : null;
  const parts = [vertex, operator, subtask, container, host].filter((part) => part != null);
  const named = [...new Set(parts)];
  if (named.length === 0) return null;
  return (
    <>
      {named.map((part, i) => (
        <span key={i}>
          {i > 0 && " · "}
          <Name>{part}</Name>
        </span>
      ))}
      {". "}
    </>
  );
}
