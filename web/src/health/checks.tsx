import { Fragment, type ReactNode } from "react";
import type { CheckResult, Outcome } from "../data/api";
import { Sparkline } from "../parts/sparkline";
import { useSteadyOrder } from "../parts/steady";
import { Name, Sentence, visible } from "../parts/text";
import { Mark, OUTCOMES } from "../parts/words";
import { RuleLink } from "./why";

const OPEN: Outcome[] = ["fail", "warn", "error"];

/** The checks: failed, warned and broken ones as cards, then not assessed; the rest folded. */
export function Checks({ checks }: { checks: CheckResult[] }) {
  const { shown, hold } = useSteadyOrder(checks, ({ code }) => code);
  const open = shown.filter(({ outcome }) => OPEN.includes(outcome));
  return (
    <section className="card checks" id="checks" aria-labelledby="checks-title" {...hold}>
      <h2 id="checks-title">
        Checks <small>of the last hour, failed first</small>
      </h2>
      {checks.length === 0 && <p className="soft">No check has run yet.</p>}
      <ul>
        {open.map((check, i) => (
          <Check key={`${check.code}${i}`} check={check} />
        ))}
      </ul>
      <Plain checks={shown} outcome="no_data" open />
      <Plain checks={shown} outcome="pass" />
      <Plain checks={shown} outcome="not_applicable" />
    </section>
  );
}

function Check({ check }: { check: CheckResult }) {
  const { code, outcome, title, says, shown, threshold, minutes, warn_at, fail_at } = check;
  const numbers = minutes.filter((value) => value !== null);
  const range = numbers.length ? `from ${Math.min(...numbers)} to ${Math.max(...numbers)}` : "";
  return (
    <li className="check" id={`check-${code}`} tabIndex={-1}>
      <Mark of={OUTCOMES[outcome]} />
      <div className="check-words">
        <h3>
          <Name>{title}</Name>
        </h3>
        <p>
          <RuleLink code={code} /> · <Sentence>{says}</Sentence>
        </p>
      </div>
      <Sparkline
        values={minutes}
        warnAt={warn_at}
        failAt={fail_at}
        label={`${visible(title)}, minute by minute: ${range}`}
      />
      <p className="check-value">
        <b>{shown && <Name>{shown}</Name>}</b>
        <small>{threshold && <Name>{threshold}</Name>}</small>
      </p>
      <More check={check} />
    </li>
  );
}

/** Evidence, why it is bad, how to fix it, when to ignore it. */
function More({ check }: { check: CheckResult }) {
  const { evidence, why, fix, ignore_when: ignore, observed_minutes: seen } = check;
  if (evidence.length === 0 && !why && !fix && !ignore) return null;
  return (
    <details>
      <summary>Evidence, why it matters, how to fix it</summary>
      {evidence.length > 0 && (
        <table className="plain">
          <caption className="aloud">Evidence</caption>
          <tbody>
            {evidence.map(({ name, value, note }, i) => (
              <tr key={i}>
                <td>
                  <Sentence>{name}</Sentence>
                </td>
                <td>
                  <Sentence>{value}</Sentence>
                </td>
                <td className="soft">
                  <Sentence>{note}</Sentence>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <dl className="guide">
        <Part name="Why it matters">{why}</Part>
        <Part name="How to fix it">{fix}</Part>
        <Part name="When to ignore it">{ignore}</Part>
        {seen > 0 && <Part name="Seen">{`${seen} of 60 minutes`}</Part>}
      </dl>
    </details>
  );
}

function Part({ name, children }: { name: string; children: string }) {
  return children === "" ? null : (
    <div>
      <dt>{name}</dt>
      <dd>
        <Sentence>{children}</Sentence>
      </dd>
    </div>
  );
}

/** Checks of one outcome as a folded list. */
function Plain({
  checks,
  outcome,
  open = false,
}: {
  checks: CheckResult[];
  outcome: Outcome;
  open?: boolean;
}): ReactNode {
  const some = checks.filter((check) => check.outcome === outcome);
  if (some.length === 0) return null;
  return (
    <details open={open} className="folded">
      <summary>
        <Mark of={OUTCOMES[outcome]} count={some.length} />{" "}
        <span className="soft">{some.map(({ title }) => visible(title)).join(" · ")}</span>
      </summary>
      <ul>
        {bySentence(some).map(([says, alike]) => (
          <li key={says}>
            {alike.map(({ code, title, shown }, i) => (
              <Fragment key={`${code}${i}`}>
                {i > 0 && " · "}
                <Name>{title}</Name> {shown && <Name>{shown}</Name>} <RuleLink code={code} />
              </Fragment>
            ))}
            <small>
              <Sentence>{says}</Sentence>
            </small>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Checks that say the same, such as that the cluster is silent, say it once. */
function bySentence(checks: CheckResult[]): [says: string, checks: CheckResult[]][] {
  const groups = new Map<string, CheckResult[]>();
  for (const check of checks) groups.set(check.says, [...(groups.get(check.says) ?? []), check]);
  return [...groups];
}
