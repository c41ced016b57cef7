import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));
// Without "module": packages that name an ES module only for bundlers by it (@opentelemetry/api) fail in Node.
const conditions = ["@ganglion/source", "node", "development|production"];

export default defineConfig({
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["{packages,examples}/*/src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    typecheck: {
      enabled: true,
      tsconfig: "./tsconfig.json",
      include: ["{packages,examples}/*/src/**/*.test-d.ts", "test/**/*.test-d.ts"],
    },
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**"],
      exclude: ["**/*.test.ts", "**/*.test-d.ts"],
      thresholds: {
        "packages/protocol/src/**": { lines: 95 },
        "packages/store/src/**": { lines: 95 },
      },
    },
  },
});
