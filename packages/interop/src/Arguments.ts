/**
 * The command line of `npm run test:routers`.
 *
 * @since 0.1.0
 */
import type * as Topology from "./Topology.js"

/**
 * @category models
 * @since 0.1.0
 */
export interface Arguments {
  readonly mode: Topology.Mode
  /** Missing prerequisites end in exit code 0; never in CI. */
  readonly allowMissing: boolean
  /** The suites with Java I2P instead. */
  readonly java: boolean
  /** The routers' folder outlives the run. */
  readonly keep: boolean
  /** What vitest gets, in order. */
  readonly vitest: ReadonlyArray<string>
}

/**
 * Takes our own options out; everything else belongs to vitest.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (argv: ReadonlyArray<string>): Arguments => ({
  mode: argv.includes("--fa") ? "fa" : "fab",
  allowMissing: argv.includes("--allow-missing"),
  java: argv.includes("--java"),
  keep: argv.includes("--keep"),
  vitest: argv.filter((argument) => !["--fa", "--fab", "--java", "--allow-missing", "--keep"].includes(argument))
})
