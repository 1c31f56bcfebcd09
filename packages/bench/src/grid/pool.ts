/**
 * Cells on all cores: a process for each, since a cell is arithmetic and nothing else.
 *
 * @since 0.1.0
 */
import { fork } from "node:child_process"
import * as os from "node:os"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import type { Result, Task } from "./cell.js"

/** Beside this module, whether that is the source or what is built of it. */
const file = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url))

/** One worker's life: a task, its result, the next task, until none is left. */
const work = (tasks: Array<Task>, onResult: (result: Result) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = fork(file, [], { execArgv: process.execArgv, serialization: "advanced" })
    const give = () => {
      const task = tasks.shift()
      if (task === undefined) child.disconnect()
      else child.send(task)
    }
    child.on("message", (result: Result) => {
      onResult(result)
      give()
    })
    child.on("error", reject)
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
    give()
  })

/**
 * Measures all; `onResult` sees each as it is done, in no order.
 *
 * **Errors** rejects when a worker dies.
 *
 * @since 0.1.0
 * @category running
 */
export const measureAll = async (all: ReadonlyArray<Task>, onResult: (result: Result) => void): Promise<void> => {
  const tasks = [...all]
  const workers = Math.min(os.availableParallelism(), tasks.length)
  await Promise.all(Array.from({ length: workers }, () => work(tasks, onResult)))
}
