/**
 * The other thread of `Watchdog.ts`. JavaScript, as a thread has no loader for anything else.
 */
import * as Fs from "node:fs"
import { workerData } from "node:worker_threads"

const { directory, head, patience, shared, target } = workerData
const words = new Int32Array(shared, 0, 2)
const never = new Int32Array(new SharedArrayBuffer(4))

for (;;) {
  const count = Atomics.load(words, 0)
  Atomics.wait(never, 0, 0, patience)
  // An even count is between two inputs.
  if (count % 2 === 0 || count !== Atomics.load(words, 0)) continue
  const path = `${directory}${target}-endless.hex`
  Fs.mkdirSync(directory, { recursive: true })
  Fs.writeFileSync(path, `${Buffer.from(new Uint8Array(shared, head, words[1])).toString("hex")}\n`)
  // Past the process's own streams, which belong to the thread that hangs.
  Fs.writeSync(2, `${target}: an input did not end within ${patience} ms: ${path}\n`)
  process.kill(process.pid, "SIGKILL")
}
