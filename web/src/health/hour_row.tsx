import { memo } from "react";
import type { Strip } from "../data/api";
import { clockText } from "../parts/clock";
import { usePreferences } from "../parts/preferences";
import { MINUTES, StripPicture, stripText } from "../parts/strip";
import { Name, plain, Sentence, visible } from "../parts/text";

const WORDS: Record<string, string> = { ".": "clear", l: "some", h: "high" };

interface Props {
  strip: Strip;
  fromMs: number;
  /** The minute shown by this row's control; null when another row holds the tab stop. */
  minute: number | null;
  onFocus: (strip: Strip) => void;
}

/** One row: its name, its sixty minutes as one control, its sentence. */
export const HourRow = memo(function HourRow({ strip, fromMs, minute, onFocus }: Props) {
  const { zone } = usePreferences();
  const { name, cells, sentence, culprit, first } = strip;
  const at = minute ?? MINUTES - 1;
  const atMs = fromMs + at * 60_000;
  const marks = `${first ? ", first" : ""}${culprit ? ", culprit" : ""}`;
  return (
    <div className={culprit ? "row culprit" : "row"}>
      <span className="row-name">
        <Name clip>{name}</Name>
        {first && <b className="tag">first</b>}
        {culprit && <b className="tag">culprit</b>}
      </span>
      <div
        id={`row-${strip.id}`}
        className="minutes"
        role="slider"
        tabIndex={minute === null ? -1 : 0}
        aria-label={`${visible(name)}${marks}: ${plain(sentence)}; ${stripText(cells)}`}
        aria-valuemin={0}
        aria-valuemax={MINUTES - 1}
        aria-valuenow={at}
        aria-valuetext={`${clockText(atMs, zone, atMs)} ${WORDS[cells[at] ?? ""] ?? "not seen"}`}
        onFocus={() => onFocus(strip)}
      >
        <StripPicture cells={cells} />
      </div>
      <span className="row-says">
        <Sentence>{sentence}</Sentence>
      </span>
    </div>
  );
});
