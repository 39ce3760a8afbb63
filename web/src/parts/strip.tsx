import { memo } from "react";

/** Widths of the drawing, stretched to the place it gets: a minute is 10 wide and 16 high. */
export const MINUTES = 60;
const CELL = 10;
const HEIGHT = 16;

const CLASSES: Record<string, string> = { ".": "clear", l: "some", h: "high" };

/** One path for each kind of minute that occurs: two for most rows, whatever they show. */
export function outlines(cells: string): [kind: string, path: string][] {
  const paths = new Map<string, string>();
  // Minutes nobody saw are one empty box: sixty dashed ones would be the loudest thing on a page.
  for (const { 0: run, index } of cells.matchAll(/[.lh]|[^.lh]+/g)) {
    const kind = CLASSES[run] ?? "unseen";
    const width = run.length * CELL - 1;
    const box = `M${index * CELL + 0.5} .5h${width}v${HEIGHT - 1}h-${width}z`;
    paths.set(kind, (paths.get(kind) ?? "") + box);
  }
  return [...paths];
}

/** Sixty minutes as a picture without words: whoever shows it says it in text as well. */
export const StripPicture = memo(function StripPicture({ cells }: { cells: string }) {
  return (
    <svg
      className="strip"
      viewBox={`0 0 ${MINUTES * CELL} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden
    >
      {outlines(cells).map(([kind, path]) => (
        <path key={kind} className={kind} d={path} />
      ))}
    </svg>
  );
});

/** The fillings the strips refer to, once on a page: hatched for some, "!" for high. */
export function StripPatterns() {
  const size = { width: CELL, height: HEIGHT, patternUnits: "userSpaceOnUse" as const };
  return (
    <svg className="patterns" width="0" height="0" aria-hidden>
      <pattern id="some-minute" {...size}>
        <rect className="some-fill" width={CELL} height={HEIGHT} />
        <path className="some-hatch" d="M0 8L8 0M0 16L10 6M4 18L12 10" />
      </pattern>
      <pattern id="high-minute" {...size}>
        <rect className="high-fill" width={CELL} height={HEIGHT} />
        <path className="high-glyph" d="M5 3.4v5.8M5 11v1.9" />
      </pattern>
    </svg>
  );
}

const count = (cells: string, cell: string) => cells.split(cell).length - 1;

/** A strip in words: "17 of 60 minutes high, 2 some, 4 not seen". */
export function stripText(cells: string): string {
  const said = [
    `${count(cells, "h")} of ${cells.length} minutes high`,
    count(cells, "l") ? `${count(cells, "l")} some` : "",
    count(cells, "_") ? `${count(cells, "_")} not seen` : "",
  ];
  return said.filter(Boolean).join(", ");
}
