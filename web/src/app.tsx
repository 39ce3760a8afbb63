import { useRef } from "react";
import { Link, Route, Switch } from "wouter";
import { JobPage, RunPage } from "./health/page";
import { JobsPage } from "./jobs/page";
import { Announcer } from "./parts/announce";
import { Header } from "./parts/header";
import { Help, useShortcuts } from "./parts/help";
import { usePlace } from "./parts/place";
import { StripPatterns } from "./parts/strip";
import { RulePage } from "./rules/page";

export function App() {
  const help = useRef<HTMLDialogElement>(null);
  useShortcuts(help);
  usePlace();
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <Header help={help} />
      <main id="main" className="page" tabIndex={-1}>
        <Switch>
          <Route path="/" component={JobsPage} />
          <Route path="/jobs/:job">{({ job }) => <JobPage key={job} job={job} />}</Route>
          <Route path="/runs/:run">{({ run }) => <RunPage key={run} run={run} />}</Route>
          <Route path="/rules/:code">{({ code }) => <RulePage key={code} code={code} />}</Route>
          <Route>
            <section className="card state">
              <h1>There is no such page</h1>
              <p>
                <Link href="/">All jobs</Link>
              </p>
            </section>
          </Route>
        </Switch>
      </main>
      <Announcer />
      <Help dialog={help} />
      <StripPatterns />
    </>
  );
}
