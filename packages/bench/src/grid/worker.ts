/**
 * A process that measures one cell after another, as its parent hands them out.
 *
 * @since 0.1.0
 */
import { measure, type Task } from "./cell.js"

// Without a parent there is nobody to tell.
const leave = () => process.exit()

process.on("message", (task: Task) =>
  process.send!(measure(task), undefined, undefined, (error) => {
    if (error !== null) leave()
  })
)
process.on("disconnect", leave)
