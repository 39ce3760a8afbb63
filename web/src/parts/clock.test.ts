import { expect, test } from "vitest";
import { clockText, inZone, momentText, spanText } from "./clock";

const MADE_MS = Date.UTC(2026, 10, 24, 14, 3, 20);

test("spans are said in at most two units", () => {
  const spans = [-5, 0, 59_400, 60_000, 3_599_000, 3_600_000, 11_100_000, 86_400_000, 187_200_000];
  expect(spans.map(spanText)).toEqual([
    "0 s",
    "0 s",
    "59 s",
    "1 min",
    "59 min",
    "1 h",
    "3 h 5 min",
    "1 d",
    "2 d 4 h",
  ]);
});

test("a time of another day says the day", () => {
  expect(clockText(MADE_MS, "utc", MADE_MS)).toBe("14:03");
  expect(clockText(MADE_MS - 86_400_000, "utc", MADE_MS)).toBe("23 Nov, 14:03");
});

test("a moment is told to the millisecond", () => {
  expect(momentText(MADE_MS + 7, "utc", MADE_MS)).toBe("14:03:20.007");
  expect(momentText(MADE_MS - 86_400_000, "utc", MADE_MS)).toBe("23 Nov, 14:03:20.000");
});

test("the UTC times of a sentence follow the reader's zone", () => {
  const said = "Began between 13:40 and 13:41 UTC; 12:00 is no UTC time.";
  expect(inZone(said, "utc", MADE_MS)).toBe(said);
  // The zone of this test is set by its command.
  expect(inZone(said, "local", MADE_MS)).toBe(
    "Began between 19:10 and 19:11; 12:00 is no UTC time.",
  );
});
