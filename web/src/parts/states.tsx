import { Button, Skeleton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { CircleDashed, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { POLL_MS, Refusal } from "../data/api";
import { serverMs } from "./clock";
import { MadeMs, Sentence, Since, Time, visible } from "./text";

/** The states of a page around its document: loading, error, stale, and the document itself. */
export function Document<T extends object>({
  reading,
  skeleton,
  children,
}: {
  reading: UseQueryResult<T>;
  skeleton: ReactNode;
  children: (document: T) => ReactNode;
}) {
  if (reading.data === undefined) {
    return reading.isError ? (
      <Failed error={reading.error} retry={() => void reading.refetch()} />
    ) : (
      skeleton
    );
  }
  const document = reading.data;
  return (
    <MadeMs value={"made_ms" in document ? Number(document.made_ms) : 0}>
      {reading.isError && <Stale lastMs={serverMs(reading.dataUpdatedAt)} />}
      {children(document)}
    </MadeMs>
  );
}

function Stale({ lastMs }: { lastMs: number }) {
  return (
    <p className="banner stale" role="status">
      <WifiOff size={18} aria-hidden />
      <span>
        <b>Dr. Squirrel does not answer</b> since <Time ms={lastMs} /> (<Since ms={lastMs} />
        ). Below is its last answer; it may no longer be true. Asking again every {POLL_MS /
          1000}{" "}
        s.
      </span>
    </p>
  );
}

function Failed({ error, retry }: { error: Error; retry: () => void }) {
  const refusal = error instanceof Refusal ? error : null;
  return (
    <section className="card state">
      <CircleDashed size={28} aria-hidden />
      <h1>{refusal ? visible(refusal.title) : "Dr. Squirrel does not answer"}</h1>
      <p>
        {refusal ? (
          <Sentence>{refusal.detail}</Sentence>
        ) : (
          <>
            Is it still running? Its terminal says why it stopped; <code>make run</code> starts it
            again. <small>{visible(error.message)}</small>
          </>
        )}
      </p>
      <p className="buttons">
        <Button size="sm" onClick={retry}>
          Ask again
        </Button>
        <Link href="/">All jobs</Link>
      </p>
    </section>
  );
}

/** Grey blocks with the heights of what will stand there. */
export function Blocks({ heights, what }: { heights: number[]; what: string }) {
  return (
    <div className="blocks" role="status">
      <span className="aloud">Loading {what}…</span>
      {heights.map((height, i) => (
        <Skeleton key={i} height={height} radius={10} />
      ))}
    </div>
  );
}
