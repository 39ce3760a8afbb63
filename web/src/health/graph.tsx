import { Button } from "@mantine/core";
import { useState } from "react";
import type { Node } from "../data/api";
import { percentText, rateText } from "../parts/number";
import { Name, Sentence, visible } from "../parts/text";
import { laneCount, laneRows, type LaneRow } from "./lanes";

const SHOWN = 7;
const LANE_PX = 16;

/** The way of the data: a list in its order, with the branches drawn beside it. */
export function Graph({ nodes }: { nodes: Node[] }) {
  const [all, setAll] = useState(false);
  const culprit = Math.max(
    0,
    nodes.findIndex((node) => node.culprit),
  );
  const from = Math.max(0, Math.min(culprit - Math.floor(SHOWN / 2), nodes.length - SHOWN));
  const shown = all ? nodes : nodes.slice(from, from + SHOWN);
  const rows = laneRows(shown);
  const width = laneCount(rows) * LANE_PX;
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return (
    <div className="graph">
      <h2>The way of the data</h2>
      <ol>
        {shown.map((node, i) => (
          <li key={node.id} className={node.culprit ? "culprit" : ""}>
            <Lanes row={rows[i]!} width={width} />
            <div className="node">
              <span className="node-name">
                <Name clip={!node.culprit}>{node.name}</Name>
                {node.culprit && <b className="tag">culprit</b>}
              </span>
              <span>{numbers(node)}</span>
              {node.says && (
                <span>
                  <Sentence>{node.says}</Sentence>
                </span>
              )}
              {node.inputs.length > 0 && (
                <span className="aloud">
                  after {node.inputs.map((id) => visible(names.get(id) ?? id)).join(" and ")}
                </span>
              )}
            </div>
          </li>
        ))}
      </ol>
      {nodes.length > SHOWN && (
        <Button size="compact-sm" variant="default" onClick={() => setAll(!all)}>
          {all ? `Show ${SHOWN} vertices` : `Show all ${nodes.length} vertices`}
        </Button>
      )}
    </div>
  );
}

function numbers({ busy, backpressured, records_per_s, parallelism, says }: Node): string {
  const seen = [
    busy === null ? "" : `busy ${percentText(busy)}`,
    backpressured === null ? "" : `waiting ${percentText(backpressured)}`,
    records_per_s === null ? "" : `${rateText(records_per_s)}/s`,
  ].filter(Boolean);
  if (seen.length === 0 && !says) seen.push("not seen");
  seen.push(`×${parallelism}`);
  return seen.join(" · ");
}

function Lanes({ row, width }: { row: LaneRow; width: number }) {
  const x = (lane: number) => lane * LANE_PX + LANE_PX / 2;
  const path = row.lines.map(([from, top, to, bottom]) => {
    const bend = ((top + bottom) / 2) * 10;
    return `M${x(from)} ${top * 10}C${x(from)} ${bend} ${x(to)} ${bend} ${x(to)} ${bottom * 10}`;
  });
  return (
    <span className="lanes" style={{ width }} aria-hidden>
      <svg viewBox={`0 0 ${width} 20`} preserveAspectRatio="none">
        <path d={path.join("")} />
      </svg>
      <i style={{ left: x(row.lane) }} />
    </span>
  );
}
