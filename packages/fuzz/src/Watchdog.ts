/**
 * Notices an input that does not come to an end, which the thread that has it cannot: another thread looks at a counter
 * that moves with each input. If it stands still for too long, the input goes to the findings and the process dies.
 *
 * @since 0.1.0
 */
import { Worker } from "node:worker_threads"
import * as Corpus from "./Corpus.js"

/**
 * **Units** milliseconds. A million times what an input of a codec takes, a thousand times a program's: the machine may
 * be busy.
 *
 * @since 0.1.0
 * @category constants
 */
export const patience = 20_000

/** Bytes in front of the input: a counter, odd while an input is under way, and the input's length. */
const head = 8
const inputBytes = 65_536

/**
 * @since 0.1.0
 * @category models
 */
export interface Watchdog {
  readonly before: (input: Uint8Array) => void
  readonly after: () => void
  readonly stop: () => void
}

/**
 * Watches one target.
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = (target: string, patienceMillis: number = patience): Watchdog => {
  const shared = new SharedArrayBuffer(head + inputBytes)
  const words = new Int32Array(shared, 0, 2)
  const bytes = new Uint8Array(shared, head)
  const worker = new Worker(new URL("./watchdog.mjs", import.meta.url), {
    workerData: { directory: Corpus.findings, head, patience: patienceMillis, shared, target }
  })
  worker.unref()
  return {
    before: (input) => {
      words[1] = Math.min(input.length, inputBytes)
      bytes.set(input.subarray(0, inputBytes))
      Atomics.add(words, 0, 1)
    },
    after: () => {
      Atomics.add(words, 0, 1)
    },
    stop: () => void worker.terminate()
  }
}
