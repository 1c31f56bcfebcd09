/**
 * The one way from a fiber to the listeners and callbacks of a program.
 *
 * Whatever emits an event or calls a callback runs in a tick of its own, in the order of the calls. An exception there is an
 * `uncaughtException`, as on TCP; in a fiber, or in one of its observers, it would be the fiber's, and nobody would read it.
 */

/** Runs it after what runs now, outside of every fiber. */
export const toNode = (run: () => void): void => process.nextTick(run)
