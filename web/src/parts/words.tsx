import {
  Bug,
  CircleCheck,
  CircleDashed,
  CircleMinus,
  CircleStop,
  type LucideIcon,
  OctagonX,
  TriangleAlert,
} from "lucide-react";
import type { Confidence, Outcome, Verdict } from "../data/api";

export type Tone = "bad" | "warn" | "unknown" | "good" | "off";

interface Word {
  word: string;
  icon: LucideIcon;
  tone: Tone;
}

/** Six outcomes, each with a shape and a word of its own: colour only repeats them. */
export const OUTCOMES: Record<Outcome, Word> = {
  fail: { word: "Fail", icon: OctagonX, tone: "bad" },
  warn: { word: "Warn", icon: TriangleAlert, tone: "warn" },
  error: { word: "Error", icon: Bug, tone: "warn" },
  no_data: { word: "Not assessed", icon: CircleDashed, tone: "unknown" },
  pass: { word: "Pass", icon: CircleCheck, tone: "good" },
  not_applicable: { word: "Not applicable", icon: CircleMinus, tone: "off" },
};

export const VERDICTS: Record<Verdict, Word> = {
  failing: { word: "Failing", icon: OctagonX, tone: "bad" },
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
      <Icon size={16} aria-hidden />
      {of.word}
      {count === undefined ? null : ` (${count})`}
    </span>
  );
}

/** "1 check fails", "3 checks fail". */
export const counted = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
