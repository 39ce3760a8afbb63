import { expect, test } from "vitest";
import { linePath } from "./sparkline";
import { arrange } from "./steady";
import { outlines, stripText } from "./strip";
import { plain, visible } from "./text";

test("a strip is one path for each kind of minute that occurs", () => {
  expect(outlines(".".repeat(60)).map(([kind]) => kind)).toEqual(["clear"]);
  expect(outlines(`${".".repeat(30)}${"h".repeat(30)}`).map(([kind]) => kind)).toEqual([
    "clear",
    "high",
  ]);
  const [[, path] = ["", ""]] = outlines("..");
  expect(path).toBe("M0.5 .5h9v15h-9zM10.5 .5h9v15h-9z");
});

test("a cell nobody knows is not seen, never clear", () => {
  expect(outlines("?").map(([kind]) => kind)).toEqual(["unseen"]);
  expect(outlines("___.__")).toEqual([
    ["unseen", "M0.5 .5h29v15h-29zM40.5 .5h19v15h-19z"],
    ["clear", "M30.5 .5h9v15h-9z"],
  ]);
});

test("a strip is said in words", () => {
  expect(stripText("..hhl__")).toBe("2 of 7 minutes high, 1 some, 2 not seen");
  expect(stripText("...")).toBe("0 of 3 minutes high");
});

test("a line has a gap where a minute was not seen", () => {
  expect(linePath([1, 1, null, 1], 1, 30, 10)).toBe("M0.0 3.0h.1L10.0 3.0M30.0 3.0h.1");
  expect(linePath([null, null], 1)).toBe("");
});

test("a list keeps the order it had, and new items come last", () => {
  expect(arrange(["new", "b", "a"], ["a", "b", "gone"], (item) => item)).toEqual(["a", "b", "new"]);
});

test("control, bidi and invisible characters of a name are shown", () => {
  expect(visible("a\u202eb\u0000\n\u200b\ue000")).toBe("a\\u202eb\\u0000\\u000a\\u200b\ue000");
  expect(visible("naïve 東京 😀")).toBe("naïve 東京 😀");
  expect(plain("the `sink` is slow")).toBe("the sink is slow");
});
