import { memo } from "react";

type Values = readonly (number | null)[];

const WIDTH = 150;
const HEIGHT = 28;

/** A line through the values that were seen; a gap where one was not, a dot where it is alone. */
export function linePath(values: Values, top: number, width = WIDTH, height = HEIGHT): string {
  const step = width / Math.max(1, values.length - 1);
  const y = (value: number) => height - 2 - (value / (top || 1)) * (height - 5);
  let path = "";
  values.forEach((value, i) => {
    if (value === null) return;
    const joined = i > 0 && values[i - 1] !== null;
    const at = `${(i * step).toFixed(1)} ${y(value).toFixed(1)}`;
    path += joined ? `L${at}` : `M${at}h.1`;
  });
  return path;
}

export const Sparkline = memo(function Sparkline({
  values,
  warnAt = null,
  failAt = null,
  label,
}: {
  values: Values;
  warnAt?: number | null;
  failAt?: number | null;
  label: string;
}) {
  const seen = values.filter((value) => value !== null);
  if (!seen.length) return null;
  const top = Math.max(...seen, warnAt ?? 0, failAt ?? 0);
  const limit = (at: number | null, kind: string) =>
    at === null ? null : (
      <path
        className={kind}
        d={`M0 ${(HEIGHT - 2 - (at / (top || 1)) * (HEIGHT - 5)).toFixed(1)}h${WIDTH}`}
      />
    );
  return (
    <svg
      className="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {limit(warnAt, "warn-line")}
      {limit(failAt, "fail-line")}
      <path className="values" d={linePath(values, top)} />
    </svg>
  );
});
