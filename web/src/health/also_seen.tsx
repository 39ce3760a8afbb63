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
        {incidents.map((incident) => (
          <IncidentLine key={incident.began_ms} incident={incident} />
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

function IncidentLine({ incident }: { incident: Incident }) {
  const { title, culprit, cause, note, began_ms, ended_ms, failures } = incident;
  const open = ended_ms === null;
  const Icon = open ? Siren : History;
  return (
    <Line icon={<Icon size={15} aria-hidden />} word={open ? "Goes on" : "Incident, over"}>
      <Time ms={began_ms} />
      {" – "}
      {open ? "now" : <Time ms={ended_ms} />}
      {failures > 1 && `, ${failures} failures`}: <Sentence>{title}</Sentence>
      <small>
        <Where culprit={culprit} />
        {note && <Sentence>{`${note}. `}</Sentence>} {cause && <RuleLink code={cause} />}
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
