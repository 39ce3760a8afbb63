import { createContext, useContext } from "react";
import { bothZones, clockText, inZone, momentText, spanText, useNowMs } from "./clock";
import { usePreferences } from "./preferences";

/** When the document around was made: the day its times of day belong to. */
export const MadeMs = createContext(0);

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text from data with every control, format and bidi character shown as an escape. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, "0")}`);
}

/** A name from data, isolated so that its direction cannot reorder what stands around it. */
export function Name({ children, clip = false }: { children: string; clip?: boolean }) {
  const text = visible(children);
  return clip ? (
    <bdi className="clip" title={text}>
      {text}
    </bdi>
  ) : (
    <bdi>{text}</bdi>
  );
}

/** A sentence of a report: what stands between backticks is a name. */
export function Sentence({ children }: { children: string }) {
  const { zone } = usePreferences();
  const made = useContext(MadeMs);
  const pieces = children.split("`");
  // An unpaired backtick is a character like any other.
  if (pieces.length % 2 === 0) pieces.push(`\`${pieces.pop()!}`);
  return pieces.map((piece, i) =>
    i % 2 ? (
      <code key={i}>
        <bdi>{visible(piece)}</bdi>
      </code>
    ) : piece ? (
      <bdi key={i}>{visible(inZone(piece, zone, made))}</bdi>
    ) : null,
  );
}

/** A sentence as plain text, for labels and titles. */
export const plain = (sentence: string) => visible(sentence.replaceAll("`", ""));

export function Time({ ms }: { ms: number }) {
  const { zone } = usePreferences();
  const now = useNowMs();
  return (
    <time dateTime={new Date(ms).toISOString()} title={bothZones(ms)}>
      {clockText(ms, zone, now)}
    </time>
  );
}

/** A time to the millisecond, for what comes thick and fast. */
export function Moment({ ms }: { ms: number }) {
  const { zone } = usePreferences();
  const now = useNowMs();
  return (
    <time dateTime={new Date(ms).toISOString()} title={bothZones(ms)}>
      {momentText(ms, zone, now)}
    </time>
  );
}

/** How long ago, counting on. */
export function Since({ ms }: { ms: number }) {
  const now = useNowMs();
  return (
    <time dateTime={new Date(ms).toISOString()} title={bothZones(ms)}>
      {spanText(now - ms)}
    </time>
  );
}

/** The age of data that was `ageMs` old when the document around was made, counting on. */
export function Age({ ageMs }: { ageMs: number | null }) {
  const now = useNowMs();
  const made = useContext(MadeMs);
  if (ageMs === null) return <>never seen</>;
  return <>{spanText(ageMs + Math.max(0, now - made))} old</>;
}
