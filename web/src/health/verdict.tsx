import type { CheckResult, Outcome, Report } from "../data/api";
import { Age, Name, Sentence, Since } from "../parts/text";
import { counted, OUTCOMES, VERDICTS } from "../parts/words";
import { Graph } from "./graph";

/** The first thing read: state, the sentence, how sure and since when, what failed, the facts. */
export function VerdictCard({ report }: { report: Report }) {
  const { verdict, since_ms: since, checks } = report;
  const { icon: Icon, word, tone } = VERDICTS[verdict];
  const failed = checks.filter(({ outcome }) => outcome === "fail");
  return (
    <section className={`card verdict ${tone}`} aria-labelledby="verdict">
      <div className="words">
        <p className="state-line">
          <span className={`mark ${tone}`}>
            <Icon size={18} />
            {word}{" "}
            {since !== null && (
              <span>
                {verdict === "ended" ? "" : "for "}
                <Since ms={since} />
                {verdict === "ended" ? " ago" : ""}
              </span>
            )}
          </span>
          <span className="soft">
            {verdict === "unknown" && "of the last hour: "}
            {tally(checks)}
          </span>
        </p>
        <h1 id="verdict">
          <Sentence>{report.headline}</Sentence>
        </h1>
        {report.subline && (
          <p className="soft">
            <Sentence>{report.subline}</Sentence>
          </p>
        )}
        {failed.length > 0 && verdict !== "unknown" && <Failed checks={failed} />}
        <Facts report={report} />
      </div>
      {report.graph.length > 0 && <Graph nodes={report.graph} />}
    </section>
  );
}

const TALLY: [Outcome, string, string][] = [
  ["fail", "check fails", "checks fail"],
  ["warn", "warns", "warn"],
  ["error", "has an error", "have an error"],
  ["no_data", "not assessed", "not assessed"],
  ["pass", "passes", "pass"],
];

/** "3 checks fail, 1 warns, 2 not assessed, 6 pass". */
function tally(checks: CheckResult[]): string {
  const parts = TALLY.map(([outcome, one, many]) => {
    const n = checks.filter((check) => check.outcome === outcome).length;
    return n ? counted(n, one, many) : "";
  });
  const said = parts.filter(Boolean).join(", ");
  return said && !said.includes("check") ? `checks: ${said}` : said;
}

const MOST_FAILED = 4;

function Failed({ checks }: { checks: CheckResult[] }) {
  const Icon = OUTCOMES.fail.icon;
  return (
    <ul className="failed" aria-label="Failed checks">
      {checks.slice(0, MOST_FAILED).map(({ code, title, shown }, i) => (
        <li key={`${code}${i}`}>
          <a href={`#check-${encodeURIComponent(code)}`}>
            <Icon size={14} />
            <span className="aloud">Fail:</span>
            <Name>{title}</Name> <b className="clip">{shown && <Name>{shown}</Name>}</b>
          </a>
        </li>
      ))}
      {checks.length > MOST_FAILED && (
        <li>
          <a href="#checks">{checks.length - MOST_FAILED} more</a>
        </li>
      )}
    </ul>
  );
}

function Facts({ report }: { report: Report }) {
  const { facts, data } = report;
  const wanting = data.sources.filter(({ state }) => state !== "fresh");
  return (
    <ul className="facts" aria-label="Facts">
      {facts.map(([label, text]) => (
        <li key={label}>
          <span className="soft">
            <Name>{label}</Name>
          </span>{" "}
          <Sentence>{text}</Sentence>
        </li>
      ))}
      <li>
        <a href="#data">
          <span className="soft">data</span> <Age ageMs={data.age_ms} />
          {data.observed_minutes < 60 && `, ${data.observed_minutes} of 60 min seen`}
          {wanting.map(({ name, state }) => (
            <span key={name}>
              {" · "}
              <Sentence>{name}</Sentence> {state}
            </span>
          ))}
        </a>
      </li>
    </ul>
  );
}
