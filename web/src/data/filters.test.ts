import { expect, test } from "vitest";
import type { JobRow } from "./api";
import {
  type Filters,
  formatFilters,
  matches,
  NO_FILTERS,
  parseFilters,
  VERDICTS,
} from "./filters";

// A small generator with a seed, so that a failure can be repeated.
function* randomFilters(count: number): Generator<Filters> {
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  const letters = ["a", "é", "&", "=", "%", " ", "+", "#", "?", ",", "\u202e", "\ud83d\ude00", '"'];
  const word = () => Array.from({ length: next(8) }, () => letters[next(letters.length)]).join("");
  for (let i = 0; i < count; i++) {
    yield { verdicts: VERDICTS.filter(() => next(2) === 1), cluster: word(), text: word() };
  }
}

test("every set of filters survives the way through the address", () => {
  for (const filters of randomFilters(500)) {
    expect(parseFilters(formatFilters(filters))).toEqual({ filters, repaired: [] });
  }
});

test("no filters are an empty query", () => {
  expect(formatFilters(NO_FILTERS)).toBe("");
  expect(parseFilters("").filters).toEqual(NO_FILTERS);
});

test("what is no filter is left out and named", () => {
  const { filters, repaired } = parseFilters("verdict=failing,green,failing&sort=name");
  expect(filters).toEqual({ verdicts: ["failing"], cluster: "", text: "" });
  expect(repaired).toEqual(["verdict=green", "sort"]);
});

test("a text without end is left out", () => {
  const { filters, repaired } = parseFilters(`q=${"x".repeat(101)}`);
  expect(filters.text).toBe("");
  expect(repaired).toHaveLength(1);
});

test("a job is found by name, cluster and words of its headline, whatever their case", () => {
  const row = {
    job: { id: "1", cluster: "prod-EU", name: "Orders" },
    verdict: "failing",
    headline: "The sink is slow",
  } as JobRow;
  const found = (filters: Partial<Filters>) => matches(row, { ...NO_FILTERS, ...filters });
  expect(["orders", "SINK", "prod-eu"].map((text) => found({ text }))).toEqual([true, true, true]);
  expect(found({ text: "source" })).toBe(false);
  expect(found({ verdicts: ["healthy"] })).toBe(false);
  expect(found({ verdicts: ["healthy", "failing"], cluster: "prod-EU" })).toBe(true);
  expect(found({ cluster: "prod" })).toBe(false);
});
