import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds a running Dr. Squirrel: `make run PORT=8642`.
const server = "http://127.0.0.1:8642";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../drsquirrel/show/page",
    emptyOutDir: true,
    reportCompressedSize: false,
  },
  // The palette is tested as it stands in its style sheet.
  test: { css: true },
  server: { proxy: { "/api": server } },
});
