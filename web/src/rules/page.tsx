import { useRule, type RulePage as Rule } from "../data/api";
import { Blocks, Document } from "../parts/states";
import { Sentence } from "../parts/text";
import { Link } from "wouter";
import "./rules.css";

const KINDS = { check: "Health check", cause: "Root cause" };

export function RulePage({ code }: { code: string }) {
  const reading = useRule(code);
  return (
    <Document reading={reading} skeleton={<Blocks what="the explanation" heights={[24, 420]} />}>
      {(rule) => <Explanation rule={rule} />}
    </Document>
  );
}

function Explanation({ rule }: { rule: Rule }) {
  return (
    <>
      <title>{`${rule.title} · Dr. Squirrel`}</title>
      <nav className="crumbs" aria-label="Where you are">
        <Link href="/">Jobs</Link> / {KINDS[rule.kind]} / <b>{rule.code}</b>
      </nav>
      <article className="card rule">
        <h1>
          <Sentence>{rule.title}</Sentence>
        </h1>
        <p className="soft">
          {KINDS[rule.kind]} <code>{rule.code}</code>
        </p>
        {rule.sections.map(({ heading, text }) => (
          <section key={heading}>
            <h2>{heading}</h2>
            <Prose text={text} />
          </section>
        ))}
        {rule.thresholds.length > 0 && <Thresholds rule={rule} />}
        <p className="soft">
          In a terminal: <code>drsquirrel explain {rule.code}</code>
        </p>
      </article>
    </>
  );
}

function Thresholds({ rule }: { rule: Rule }) {
  return (
    <section>
      <h2>Thresholds</h2>
      <p>
        Set in the table <code>[thresholds.{rule.code}]</code> of the settings.
      </p>
      <div className="scroll" tabIndex={0} role="group" aria-label="Thresholds">
        <table className="plain">
          <thead>
            <tr>
              <th>Setting</th>
              <th>Value</th>
              <th>What it does</th>
            </tr>
          </thead>
          <tbody>
            {rule.thresholds.map(({ name, value, default: standard, unit, help }) => (
              <tr key={name}>
                <td>
                  <code>{name}</code>
                </td>
                <td>
                  <b>{value}</b> {unit}
                  {value !== standard && <small> (default {standard})</small>}
                </td>
                <td>{help}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The text of a section: paragraphs apart by an empty line, lists by a leading dash. */
export function Prose({ text }: { text: string }) {
  return text.split(/\n\s*\n/).map((block, i) => {
    const lines = block.split(/\n(?=\s*[-*] )/).map((line) => line.replace(/\s+/g, " ").trim());
    const items = lines.filter((line) => /^[-*] /.test(line));
    const intro = lines.filter((line) => line && !/^[-*] /.test(line));
    return (
      <div key={i}>
        {intro.map((line) => (
          <p key={line}>
            <Sentence>{line}</Sentence>
          </p>
        ))}
        {items.length > 0 && (
          <ul>
            {items.map((line) => (
              <li key={line}>
                <Sentence>{line.slice(2)}</Sentence>
              </li>
            ))}
          </ul>
        )}
      </div>
    );
  });
}
