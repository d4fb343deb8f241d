import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env["VIVAVOCE_URL"] ?? "http://127.0.0.1:8006";

export default defineConfig(({ mode }) => ({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  // The gallery is for development and for `--mode test` builds; the released page does not carry it.
  define: { __GALLERY__: JSON.stringify(mode !== "production") },
  worker: { format: "es" as const },
  build: {
    outDir: mode === "test" ? "dist/test" : "../src/vivavoce/channels/console",
    emptyOutDir: true,
    target: "es2022",
    // Nothing is inlined: the page's CSP knows no `data:` scripts, and a worklet is a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: "manifest.build.json",
    rolldownOptions: {
      // What Talk needs at first is one file: in two dozen pieces it weighs more and comes later.
      output: { codeSplitting: { groups: [{ name: "first", tags: ["$initial"] }] } },
      // These packages do nothing when imported, but do not say so; without it a form validator comes with a button.
      treeshake: { moduleSideEffects: (id: string) => !/node_modules\/(@rc-component|@ant-design|@babel|antd)\//.test(id) },
    },
  },
  server: {
    // The Host stays that of the page, so that the server sees page and socket come from one origin, and others refused.
    proxy: {
      "/ws": { target: server, ws: true },
      "/health": { target: server },
      "/status": { target: server },
    },
  },
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    environment: "node",
    restoreMocks: true,
  },
}));
