import { defineConfig } from "vite";

// Where the API is while the page is developed: the page asks its own origin, as it will where it is served.
const server = process.env["POSTROOM_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  esbuild: { jsx: "automatic" },
  // The server's policy lets nothing in by data: but pictures, and modern browsers need no polyfill.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: "es2022", sourcemap: true },
  server: { proxy: { "/v1": server, "/docs": server, "/openapi.json": server } },
});
