/**
 * The inner loop of the vanity search: paddings tried one after the other until the destination's hash starts as wished.
 *
 * It sees public bytes only. The padding is 32 bytes, repeated, as in every destination; eight of them count.
 *
 * {@link step} and {@link loop} are handed to threads as text, because a file of its own is what bundlers lose and what runs
 * TypeScript does not run in threads. So they use nothing but their arguments and globals, and have no function inside.
 */
import { Worker } from "node:worker_threads"

/** What a thread is told; plain data, since it is cloned. */
export interface Task {
  /** The destination, with its padding from 0 to `paddingLength`, a multiple of 32. Changed in place. */
  readonly bytes: Uint8Array
  readonly paddingLength: number
  /** First bytes of the hash wished for, and which of their bits count. */
  readonly wanted: Uint8Array
  readonly mask: Uint8Array
}

/** What it answers, after each batch and at the end. */
export type Answer = { readonly tried: number; readonly padding: Uint8Array | undefined }

/** SHA-256 in one call. */
export type Hash = (algorithm: string, bytes: Uint8Array, encoding: "buffer") => Uint8Array

/**
 * Tries up to `count` paddings from where the last call stopped; `padding` is the one that fits.
 */
export function step(task: Task, count: number, hash: Hash): Answer {
  // The counter is in the padding's last eight bytes; its high word moves once in 2^32.
  const counterAt = 24
  const { bytes, mask, paddingLength, wanted } = task
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let high = view.getUint32(counterAt)
  let low = view.getUint32(counterAt + 4)
  for (let tried = 1; tried <= count; tried++) {
    low = (low + 1) >>> 0
    if (low === 0) high = (high + 1) >>> 0
    for (let at = counterAt; at < paddingLength; at += 32) {
      view.setUint32(at, high)
      view.setUint32(at + 4, low)
    }
    const digest = hash("sha256", bytes, "buffer")
    let fits = true
    for (let i = 0; i < wanted.length && fits; i++) fits = (digest[i]! & mask[i]!) === wanted[i]
    if (fits) return { tried, padding: bytes.slice(0, 32) }
  }
  return { tried: count, padding: undefined }
}

/** Batches until one has what is wished for, or the thread is ended; about a fifth of a second each. */
function loop(search: typeof step, hash: Hash, port: { postMessage(answer: Answer): void }, task: Task): void {
  const answer = search(task, 100_000, hash)
  port.postMessage(answer)
  // Not a plain loop: messages only leave between turns.
  if (answer.padding === undefined) setImmediate(loop, search, hash, port, task)
}

/** A thread that searches and posts an {@link Answer} after each batch. */
export const thread = (task: Task): Worker =>
  new Worker(
    `const { parentPort, workerData } = require("node:worker_threads")
    ;(${loop})((${step}), require("node:crypto").hash, parentPort, workerData)`,
    { eval: true, execArgv: [], workerData: task }
  )
