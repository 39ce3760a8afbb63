import { Fragment } from "react";
import { Link } from "wouter";
import type { Answer, Evidence, Report } from "../data/api";
import { Sentence, Name } from "../parts/text";
import { CONFIDENCES } from "../parts/words";
import { AdviceList } from "./advice";

export function Why({ report }: { report: Report }) {
  const [cause, ...others] = report.causes;
  return (
    <section className="card why" aria-labelledby="why">
      <h2 id="why">Why we think so {cause && <small>{CONFIDENCES[cause.confidence]}</small>}</h2>
      {cause ? (
        <>
          <EvidenceTable evidence={cause.evidence} />
          <Relations cause={cause} />
          <Explains cause={cause} symptoms={report.symptoms} />
        </>
      ) : (
        <Looked report={report} />
      )}
      {others.map((other, i) => (
        <Other key={`${other.code}${i}`} cause={other} symptoms={report.symptoms} />
      ))}
    </section>
  );
}

/** What a cause leads to, and no other cause's symptoms. */
function Explains({ cause, symptoms }: { cause: Answer; symptoms: Report["symptoms"] }) {
  const explained = symptoms.filter(({ explained_by }) => explained_by.includes(cause.code));
  if (explained.length === 0) return null;
  return (
    <p className="soft">
      <b>It explains:</b>{" "}
      {explained.map(({ code, text }, i) => (
        <Fragment key={`${code}${i}`}>
          <Sentence>{text}</Sentence>.{" "}
        </Fragment>
      ))}
    </p>
  );
}

/** No cause: what the verdict rests on, in numbers. */
function Looked({ report }: { report: Report }) {
  const { checks, data } = report;
  const count = (outcome: string) => checks.filter((check) => check.outcome === outcome).length;
  const judged = checks.filter(({ outcome }) => ["pass", "warn", "fail"].includes(outcome)).length;
  const answering = data.sources.filter(({ state }) => state === "fresh").length;
  const rows = [
    ["minutes seen", `${data.observed_minutes} of 60`],
    ["checks judged", `${judged} of ${checks.length - count("not_applicable")}`],
    ["checks not assessed", `${count("no_data") + count("error")}`],
    ["sources that answer", `${answering} of ${data.sources.length}`],
  ];
  return (
    <table className="evidence">
      <caption className="soft">
        {report.verdict === "unknown"
          ? "Too little is known for a verdict. There is:"
          : "No cause was looked for or found. The verdict rests on:"}
      </caption>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <td>{name}</td>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const SIGNS: Record<Evidence["stand"], { sign: string; word: string }> = {
  for: { sign: "+", word: "for" },
  against: { sign: "−", word: "against" },
  ruled_out: { sign: "−", word: "ruled out" },
  undecided: { sign: "?", word: "cannot be decided" },
};

function EvidenceTable({ evidence }: { evidence: readonly Evidence[] }) {
  if (evidence.length === 0) return null;
  return (
    <table className="evidence">
      <caption className="aloud">For, against and undecided</caption>
      <tbody>
        {evidence.map(({ stand, text, value }, i) => (
          <tr key={i} className={stand}>
            <td>
              <span aria-hidden>{SIGNS[stand].sign}</span>
            </td>
            <td>
              <span className={stand === "for" ? "aloud" : "soft"}>{SIGNS[stand].word}: </span>
              <Sentence>{text}</Sentence>
            </td>
            <td>
              <Sentence>{value}</Sentence>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function RuleLink({ code }: { code: string }) {
  return (
    <Link href={`/rules/${encodeURIComponent(code)}`}>
      <code>
        <Name>{code}</Name>
      </code>
    </Link>
  );
}

/** Where the cause is explained, and the causes it could not be told from. */
function Relations({ cause }: { cause: Answer }) {
  return (
    <p className="soft">
      Explained under <RuleLink code={cause.code} />.
      {cause.rivals.length > 0 && " Could not be told from "}
      {cause.rivals.map((code, i) => (
        <Fragment key={code}>
          {i > 0 && ", "}
          <RuleLink code={code} />
        </Fragment>
      ))}
      {cause.rivals.length > 0 && "."}
    </p>
  );
}

function Other({ cause, symptoms }: { cause: Answer; symptoms: Report["symptoms"] }) {
  return (
    <details>
      <summary>
        Also considered: <Sentence>{cause.title}</Sentence>{" "}
        <small>{CONFIDENCES[cause.confidence]}</small>
      </summary>
      <EvidenceTable evidence={cause.evidence} />
      {cause.advice.length > 0 && <AdviceList advice={cause.advice} />}
      <Relations cause={cause} />
      <Explains cause={cause} symptoms={symptoms} />
    </details>
  );
}
