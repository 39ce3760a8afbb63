import { expect, test } from "vitest";
import { laneCount, laneRows } from "./lanes";

const vertex = (id: string, ...inputs: string[]) => ({ id, inputs });

test("a chain is one line through all dots", () => {
  const rows = laneRows([vertex("a"), vertex("b", "a"), vertex("c", "b")]);
  expect(rows.map(({ lane }) => lane)).toEqual([0, 0, 0]);
  expect(rows[1]!.lines).toEqual([
    [0, 0, 0, 1],
    [0, 1, 0, 2],
  ]);
  expect(laneCount(rows)).toBe(1);
});

test("two sources that join stand side by side and meet at the join", () => {
  const rows = laneRows([vertex("a"), vertex("b"), vertex("join", "a", "b")]);
  expect(rows.map(({ lane }) => lane)).toEqual([0, 1, 0]);
  expect(rows[2]!.lines).toEqual([
    [0, 0, 0, 1],
    [1, 0, 0, 1],
  ]);
});

test("a branch gets a lane of its own, passes by and is reused", () => {
  const rows = laneRows([vertex("a"), vertex("b", "a"), vertex("c", "a"), vertex("d")]);
  expect(rows.map(({ lane }) => lane)).toEqual([0, 0, 1, 0]);
  expect(rows[1]!.lines).toContainEqual([1, 0, 1, 2]);
});

test("unknown inputs and cycles draw no line", () => {
  const rows = laneRows([vertex("a", "gone", "b"), vertex("b", "a")]);
  expect(rows[0]!.lines).toEqual([[0, 1, 0, 2]]);
  expect(rows[1]!.lines).toEqual([[0, 0, 0, 1]]);
});
