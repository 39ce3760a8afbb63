import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";

/** The last resort: the page itself has a bug. Says so instead of going white. */
export class Broken extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <main className="page">
        <section className="card state">
          <h1>This page broke</h1>
          <p>
            It is a bug of the page, not of your job. <code>{this.state.error.message}</code>
          </p>
          <Button onClick={() => location.reload()}>Reload</Button>
        </section>
      </main>
    );
  }
}
