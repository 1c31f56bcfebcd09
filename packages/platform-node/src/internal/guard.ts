/**
 * Listeners of ours on emitters that a peer feeds. An exception in one of them would end the process. Those of the program are
 * not guarded: what they throw is the program's to hear of, see `handOver.ts`.
 */

/** The listener; what it throws goes to `broke`, which ends the connection it came from. */
export const guarded =
  <A extends ReadonlyArray<unknown>>(broke: (error: unknown) => void, listener: (...args: A) => void) =>
  (...args: A): void => {
    try {
      listener(...args)
    } catch (error) {
      broke(error)
    }
  }

/** Listens to errors that are seen to elsewhere: an `error` event without a listener ends the process. */
export const ignore = (): void => {}
