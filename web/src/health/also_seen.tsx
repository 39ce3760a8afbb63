import { CircleHelp, History, Leaf, Siren } from "lucide-react";
import type { ReactNode } from "react";
import type { Culprit, Incident, Report } from "../data/api";
import { Name, Sentence, Time } from "../parts/text";
import { RuleLink } from "./why";

/** What the sentence does not say: symptoms without a cause, incidents, benign states. */
export function AlsoSeen({ report }: { report: Report }) {
  const { incidents, symptoms, benign, verdict, run, data, made_ms } = report;
  // Of an unknown run nothing is known now: what went on did so when it was last seen.
  const seenMs = verdict === "unknown" ? (run.end_ms ?? made_ms - (data.age_ms ?? 0)) : null;
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
          <IncidentLine key={incident.began_ms} incident={incident} seenMs={seenMs} />
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

function IncidentLine({ incident, seenMs }: { incident: Incident; seenMs: number | null }) {
  const { title, culprit, cause, note, began_ms, ended_ms, failures } = incident;
  const open = ended_ms === null;
  const Icon = open ? Siren : History;
  const word = !open ? "Incident, over" : seenMs === null ? "Goes on" : "Went on";
  return (
    <Line icon={<Icon size={15} aria-hidden />} word={word}>
      <Time ms={began_ms} />
      {" – "}
      {open && seenMs === null ? "now" : <Time ms={ended_ms ?? seenMs ?? 0} />}
      {open && seenMs !== null && ", when it was last seen"}
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
