import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
// Before the pages: their styles refine these.
import "./look/mantine";
import "./look/tokens.css";
import "./look/page.css";
import "./look/drawing.css";
import { App } from "./app";
import { Broken } from "./parts/broken";
import { PreferencesProvider } from "./parts/preferences";

// The API is on the machine the page came from: ask even when the browser thinks it is offline.
const queries = new QueryClient({
  defaultOptions: { queries: { networkMode: "always", retry: false, gcTime: 3_600_000 } },
});

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    {/* Style sheets only, so that a strict content security policy holds. */}
    <MantineProvider defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <PreferencesProvider>
        <QueryClientProvider client={queries}>
          <Broken>
            <App />
          </Broken>
        </QueryClientProvider>
      </PreferencesProvider>
    </MantineProvider>
  </StrictMode>,
);
