import { defineWorkspace } from "vitest/config"

/**
 * One project for everything that needs no router: `npm test` runs it. The suites against real routers are not
 * here; `npm run test:routers` starts its own network and points vitest at `packages/interop/test`.
 */
const source = { conditions: ["@effect-i2p/source", "node", "import", "default"] }

export default defineWorkspace([
  {
    resolve: source,
    ssr: { resolve: source },
    test: {
      name: "unit",
      include: ["packages/*/test/**/*.test.ts"],
      exclude: ["packages/interop/test/{routers,java,web}/**", "**/node_modules/**"],
      environment: "node",
      // With --no-isolate, as `npm test` has it, a module is loaded once for all files of a worker: a minute less.
      setupFiles: ["./vitest.setup.ts"],
      // So long that only what hangs gets there: of 5 s of processor time 19 s were seen to become on a busy machine.
      testTimeout: 120_000
    }
  },
  {
    resolve: source,
    ssr: { resolve: source },
    test: {
      name: "web",
      include: ["packages/interop/test/web/**/*.test.ts"],
      environment: "node",
      testTimeout: 60_000,
      hookTimeout: 60_000
    }
  },
  ...["routers", "java"].map((name) => ({
    resolve: source,
    ssr: { resolve: source },
    test: {
      name,
      include: [`packages/interop/test/${name}/**/*.test.ts`],
      environment: "node" as const,
      testTimeout: 180_000,
      hookTimeout: 180_000,
      fileParallelism: false,
      // Real routers on a shared machine: a message or a lease set may come late once. The report says so when it does.
      retry: 1
    }
  }))
])
