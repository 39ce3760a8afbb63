import { CircleHelp, History, Leaf, Siren } from "lucide-react";
import type { ReactNode } from "react";
import type { Culprit, Report } from "../data/api";
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
        {incidents.map((incident, i) => (
          <Line
            key={i}
            icon={
              incident.ended_ms === null ? (
                <Siren size={15} aria-hidden />
              ) : (
                <History size={15} aria-hidden />
              )
            }
            word={incident.ended_ms === null ? "Incident, open" : "Incident, over"}
          >
            <Time ms={incident.began_ms} />
            {" – "}
            {incident.ended_ms === null ? "now" : <Time ms={incident.ended_ms} />}:{" "}
            <Sentence>{incident.title}</Sentence>
            <small>
              <Where culprit={incident.culprit} />
              {incident.failures > 1 && ` ${incident.failures} failures. `}
              {incident.note && <Sentence>{incident.note}</Sentence>}{" "}
              {incident.cause && <RuleLink code={incident.cause} />}
            </small>
          </Line>
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
  const named = [vertex, operator, subtask, container, host].filter((part) => part != null);
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
