import {
  Bug,
  CircleCheck,
  CircleDashed,
  CircleMinus,
  CircleStop,
  TriangleAlert,
} from "lucide-react";
import type { ComponentType } from "react";
import type { Confidence, Outcome, Verdict } from "../data/api";

export type Tone = "bad" | "warn" | "unknown" | "good" | "off";

interface Word {
  word: string;
  icon: ComponentType<{ size: number }>;
  tone: Tone;
}

/** A filled octagon with a cross: the one filled sign, so that it stands out in grey as well. */
function Stop({ size }: { size: number }) {
  return (
    <svg className="stop" width={size} height={size} viewBox="0 0 24 24" aria-hidden>
      <path d="M7.9 1.5h8.2l6.4 6.4v8.2l-6.4 6.4H7.9l-6.4-6.4V7.9z" />
      <path className="cross" d="M8.3 8.3l7.4 7.4m0-7.4l-7.4 7.4" />
    </svg>
  );
}

/** Six outcomes, each with a shape and a word of its own: colour only repeats them. */
export const OUTCOMES: Record<Outcome, Word> = {
  fail: { word: "Fail", icon: Stop, tone: "bad" },
  warn: { word: "Warn", icon: TriangleAlert, tone: "warn" },
  error: { word: "Error", icon: Bug, tone: "warn" },
  no_data: { word: "Not assessed", icon: CircleDashed, tone: "unknown" },
  pass: { word: "Pass", icon: CircleCheck, tone: "good" },
  not_applicable: { word: "Not applicable", icon: CircleMinus, tone: "off" },
};

export const VERDICTS: Record<Verdict, Word> = {
  failing: { word: "Failing", icon: Stop, tone: "bad" },
  warning: { word: "Warning", icon: TriangleAlert, tone: "warn" },
  unknown: { word: "Unknown", icon: CircleDashed, tone: "unknown" },
  healthy: { word: "Healthy", icon: CircleCheck, tone: "good" },
  ended: { word: "Ended", icon: CircleStop, tone: "off" },
};

export const CONFIDENCES: Record<Confidence, string> = {
  certain: "certain",
  likely: "likely",
  possible: "possible",
  cannot_tell: "cannot tell",
};

export function Mark({ of, count }: { of: Word; count?: number }) {
  const Icon = of.icon;
  return (
    <span className={`mark ${of.tone}`}>
      <Icon size={16} />
      {of.word}
      {count === undefined ? null : ` (${count})`}
    </span>
  );
}

/** "1 check fails", "3 checks fail". */
export const counted = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
