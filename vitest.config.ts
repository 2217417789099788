import { availableParallelism } from "node:os";
import type { ViteUserConfig } from "vitest/config";
import { defineConfig } from "vitest/config";
import { faultTable } from "./test/support/fault-table.ts";

const report = process.env["COATCHECK_REPORT"];

const config: ViteUserConfig = defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Vitest leaves one core to the reporter, which on two cores means one file at a time.
    maxWorkers: availableParallelism(),
    reporters: ["default", faultTable(), ...(report === undefined ? [] : ["json"])],
    ...(report === undefined ? {} : { outputFile: { json: report } }),
    coverage: { include: ["src/**"], reportsDirectory: "coverage" },
    projects: [
      {
        extends: true,
        test: {
          name: "source",
          include: ["test/**/*.test.ts"],
          exclude: ["test/dist/**"],
          globalSetup: ["test/support/narrowed.ts"],
        },
      },
      // The built package: packing, installing and compiling take their time on a busy machine.
      {
        extends: true,
        test: { name: "dist", include: ["test/dist/*.test.ts"], testTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: "runtimes",
          include: ["test/dist/runtimes/*.test.ts"],
          testTimeout: 300_000,
          maxConcurrency: availableParallelism(),
        },
      },
    ],
  },
});

export default config;
