import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { Check, Copy, Hourglass, Ruler, Wrench } from "lucide-react";
import type { Advice, Report } from "../data/api";
import { Name, Sentence, visible } from "../parts/text";

const KINDS = {
  change: { icon: Wrench, word: "Change" },
  measure: { icon: Ruler, word: "Measure" },
  wait: { icon: Hourglass, word: "Wait" },
};

export function Advices({ report }: { report: Report }) {
  const [cause] = report.causes;
  return (
    <section className="card" aria-labelledby="do">
      <h2 id="do">
        What to do {cause?.advice.length ? <small>values computed from this job</small> : null}
      </h2>
      {cause?.advice.length ? <AdviceList advice={cause.advice} /> : <Without report={report} />}
      {cause && cause.will_not_help.length > 0 && (
        <p className="not-help">
          <b>What will not help:</b>{" "}
          {cause.will_not_help.map((text, i) => (
            <span key={text}>
              {i > 0 && ", "}
              <Sentence>{text}</Sentence>
            </span>
          ))}
          .
        </p>
      )}
    </section>
  );
}

const NOTHING: Record<Report["verdict"], string> = {
  healthy: "Nothing.",
  ended: "Nothing: the job has ended.",
  unknown: "There is no advice without a verdict. This page goes on by itself.",
  failing: "No cause was recognised, so there is no advice. The failed checks say how to go on.",
  warning: "No cause was recognised, so there is no advice. The checks say how to go on.",
};

const OVER = "What failed is over, and its cause is known: it stands under “Also seen”.";

/** No advice: why there is none; for an unknown job, what hinders us from knowing. */
function Without({ report }: { report: Report }) {
  const { verdict, symptoms, incidents } = report;
  const silent = report.data.sources.filter(({ state, says }) => state !== "fresh" && says);
  const hindrances = silent.map(({ says }) => says);
  const isOver = verdict === "warning" && symptoms.length === 0;
  const known = incidents.some(({ cause, ended_ms }) => cause && ended_ms !== null);
  return (
    <>
      <p className="soft">{isOver && known ? OVER : NOTHING[verdict]}</p>
      {verdict === "unknown" && hindrances.length > 0 && (
        <ul className="dots">
          {hindrances.map((text, i) => (
            <li key={i}>
              <Sentence>{text}</Sentence>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

export function AdviceList({ advice }: { advice: readonly Advice[] }) {
  return (
    <ol className="advice">
      {advice.map((one, i) => (
        <li key={i}>
          <One advice={one} />
        </li>
      ))}
    </ol>
  );
}

function One({ advice }: { advice: Advice }) {
  const { icon: Icon, word } = KINDS[advice.kind ?? "change"];
  return (
    <>
      <span className="kind">
        <Icon size={13} aria-hidden />
        {word}
      </span>{" "}
      <Sentence>{advice.title}</Sentence>
      {advice.key && <Setting name={advice.key} now={advice.now} to={advice.to} />}
      {advice.because && (
        <small>
          <Sentence>{advice.because}</Sentence>
        </small>
      )}
      {advice.expect && (
        <small>
          <b>Expect:</b> <Sentence>{advice.expect}</Sentence>
        </small>
      )}
    </>
  );
}

type Value = string | null | undefined;

function Setting({ name, now, to }: { name: string; now: Value; to: Value }) {
  const { copy, copied } = useClipboard({ timeout: 2_000 });
  const line = to ? `${name}: ${to}` : name;
  return (
    <span className="setting">
      <code>
        <Name>{name}</Name>
        {now && !to && (
          <>
            , now <Name>{now}</Name>
          </>
        )}
        {now && to && (
          <>
            {" "}
            <span className="aloud">now</span>
            <s>
              <Name>{now}</Name>
            </s>{" "}
            <span aria-hidden>→</span>
          </>
        )}
        {to && (
          <>
            <span className="aloud">set to</span>
            {now ? " " : ": "}
            <b>
              <Name>{to}</Name>
            </b>
          </>
        )}
      </code>
      <Button
        size="compact-xs"
        variant="subtle"
        leftSection={copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
        title={`Copy “${visible(line)}”`}
        onClick={() => copy(line)}
      >
        {copied ? "copied" : "copy"}
      </Button>
    </span>
  );
}
