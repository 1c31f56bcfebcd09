/**
 * All benchmarks, in the order in which they run.
 *
 * @since 0.1.0
 */
import type { Benchmark } from "../Benchmark.js"
import { links } from "./links.js"
import { long } from "./long.js"
import { loopback } from "./loopback.js"
import { router } from "./router.js"
import { scale } from "./scale.js"
import { setup } from "./setup.js"
import { start } from "./start.js"
import { wire } from "./wire.js"

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const all: ReadonlyArray<Benchmark> = [wire, loopback, router, links, setup, scale, long, start]
