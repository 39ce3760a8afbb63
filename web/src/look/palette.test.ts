import { expect, test } from "vitest";
import css from "./tokens.css?raw";

type Triple = [number, number, number];

/** The tokens of a scheme, as they stand in the style sheet. */
function tokens(scheme: "light" | "dark"): Record<string, Triple> {
  const start = scheme === "light" ? ":root {" : ':root[data-mantine-color-scheme="dark"] {';
  const block = css.slice(css.indexOf(start), css.indexOf("}", css.indexOf(start)));
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): #([0-9a-f]{3,6});/g)].map(([, name, hex]) => {
      const long = hex!.length === 3 ? [...hex!].map((c) => c + c).join("") : hex!;
      return [name, [0, 2, 4].map((i) => linear(parseInt(long.slice(i, i + 2), 16) / 255))];
    }),
  );
}

const linear = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const times = (matrix: Triple[], [x, y, z]: Triple) =>
  matrix.map(([a, b, c]) => a * x + b * y + c * z) as Triple;

/** Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB. */
const EYES: Record<string, Triple[]> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function lab(rgb: Triple): Triple {
  const [x, y, z] = times(
    [
      [0.4124564, 0.3575761, 0.1804375],
      [0.2126729, 0.7151522, 0.072175],
      [0.0193339, 0.119192, 0.9503041],
    ],
    rgb.map((c) => Math.min(1, Math.max(0, c))) as Triple,
  );
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const [fx, fy, fz] = [f(x / 0.95047), f(y), f(z / 1.08883)];
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

/** CIEDE2000, as Sharma, Wu and Dalal 2005 write it. */
function distance([l1, a1, b1]: Triple, [l2, a2, b2]: Triple): number {
  const rad = Math.PI / 180;
  const mean = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 1.5 - 0.5 * Math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7));
  const [c1, c2] = [Math.hypot(g * a1, b1), Math.hypot(g * a2, b2)];
  const hue = (a: number, b: number) => (Math.atan2(b, g * a) / rad + 360) % 360;
  const [h1, h2] = [hue(a1, b1), hue(a2, b2)];
  let dh = h2 - h1;
  if (Math.abs(dh) > 180) dh -= Math.sign(dh) * 360;
  if (c1 * c2 === 0) dh = 0;
  const [dl, dc, dH] = [l2 - l1, c2 - c1, 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad)];
  const [l, c, h] = [(l1 + l2) / 2, (c1 + c2) / 2, (h1 + dh / 2 + 360) % 360];
  const t =
    1 -
    0.17 * Math.cos((h - 30) * rad) +
    0.24 * Math.cos(2 * h * rad) +
    0.32 * Math.cos((3 * h + 6) * rad) -
    0.2 * Math.cos((4 * h - 63) * rad);
  const sl = 1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2);
  const [sc, sh] = [1 + 0.045 * c, 1 + 0.015 * c * t];
  const turn = 60 * Math.exp(-(((h - 275) / 25) ** 2));
  const rt = -2 * Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7)) * Math.sin(turn * rad);
  return Math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dH / sh) ** 2 + (rt * dc * dH) / (sc * sh));
}

function contrast(one: Triple, other: Triple): number {
  const luminance = ([r, g, b]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high! + 0.05) / (low! + 0.05);
}

test("the measure of colour distance is the published one", () => {
  // Pairs 1 and 17 of the paper's table.
  expect(distance([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 3);
  expect(distance([50, 2.5, 0], [73, 25, -18])).toBeCloseTo(27.1492, 3);
});

test.each(["light", "dark"] as const)("minutes differ for every kind of eye: %s", (scheme) => {
  const { ok, low, high } = tokens(scheme) as Record<"ok" | "low" | "high", Triple>;
  for (const eye of Object.values(EYES)) {
    const [seenOk, seenLow, seenHigh] = [ok, low, high].map((c) => lab(times(eye, c)));
    expect(distance(seenOk!, seenLow!)).toBeGreaterThan(35);
    expect(distance(seenOk!, seenHigh!)).toBeGreaterThan(35);
    expect(distance(seenLow!, seenHigh!)).toBeGreaterThan(18);
  }
});

test.each(["light", "dark"] as const)("frames and signs stand out from what is behind: %s", (s) => {
  const t = tokens(s) as Record<string, Triple>;
  expect(contrast(t["ok-line"]!, t["card"]!)).toBeGreaterThan(3);
  expect(contrast(t["on-high"]!, t["high"]!)).toBeGreaterThan(4.5);
  for (const ink of ["ink", "soft", "accent", "bad-ink", "warn-ink", "good-ink"]) {
    for (const behind of ["card", "page", "chip"]) {
      expect(contrast(t[ink]!, t[behind]!), `${ink} on ${behind}`).toBeGreaterThan(4.5);
    }
  }
});
