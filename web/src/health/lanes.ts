interface Vertex {
  id: string;
  inputs: readonly string[];
}

/** A row of the drawing beside the list: the lane of its dot, and lines from top 0 to bottom 2. */
export interface LaneRow {
  lane: number;
  lines: [fromLane: number, fromHeight: number, toLane: number, toHeight: number][];
}

/** Lays out a topological list as lanes, as a commit log draws branches and merges. */
export function laneRows(vertices: readonly Vertex[]): LaneRow[] {
  const outputs = new Map<string, string[]>(vertices.map(({ id }) => [id, []]));
  const seen = new Set<string>();
  for (const { id, inputs } of vertices) {
    // What stands later in the list is no input of this one: a drawing of a cycle has no order.
    for (const input of inputs) if (seen.has(input)) outputs.get(input)?.push(id);
    seen.add(id);
  }

  const awaited: (string | null)[] = [];
  const free = () => {
    const at = awaited.indexOf(null);
    return at === -1 ? awaited.length : at;
  };
  return vertices.map(({ id }) => {
    const lines: LaneRow["lines"] = [];
    const arriving = awaited.flatMap((target, i) => (target === id ? [i] : []));
    const lane = arriving[0] ?? free();
    awaited.forEach((target, i) => {
      if (target === id) lines.push([i, 0, lane, 1]);
      else if (target !== null) lines.push([i, 0, i, 2]);
    });
    for (const i of arriving) awaited[i] = null;
    for (const [i, output] of outputs.get(id)!.entries()) {
      const to = i === 0 ? lane : free();
      awaited[to] = output;
      lines.push([lane, 1, to, 2]);
    }
    return { lane, lines };
  });
}

/** How many lanes the widest row needs. */
export const laneCount = (rows: readonly LaneRow[]) =>
  1 + Math.max(0, ...rows.flatMap(({ lines }) => lines.flatMap(([from, , to]) => [from, to])));
