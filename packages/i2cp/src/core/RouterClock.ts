/**
 * How far the router's clock is from ours. Dates in a session config, a lease set and a message's expiry are judged by
 * the router's clock only, so they are written in it.
 *
 * @since 0.1.0
 */

/**
 * **Units** `offset` is router − local in ms: add it to a local time. `candidate` is a jumped offset seen once.
 *
 * @category models
 * @since 0.1.0
 */
export interface RouterClock {
  readonly offset: number
  readonly known: boolean
  readonly candidate: number | undefined
}

/**
 * Largest change of the offset that is believed at once; a larger one has to be seen twice.
 *
 * **Source** ours; Java repeats SetDate every 10 min, and no honest clock moves more than this in between.
 */
const MAX_STEP_MILLIS = 5_000

/**
 * Before the first SetDate.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown: RouterClock = { offset: 0, known: false, candidate: undefined }

/**
 * The router's date, in the whole milliseconds that I2CP has: a clock of ours may have fractions.
 *
 * @category getters
 * @since 0.1.0
 */
export const dateOf = (clock: RouterClock, now: number): number => Math.max(0, Math.floor(now + clock.offset))

/**
 * Our own clock has moved: the next date is believed, however far it is from the last.
 *
 * @category transitions
 * @since 0.1.0
 */
export const forget = (clock: RouterClock): RouterClock => ({ ...clock, known: false, candidate: undefined })

/**
 * Takes a SetDate.
 *
 * **Shape** the second part is a warning for the log when the date was not believed.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onSetDate = (
  clock: RouterClock,
  date: number,
  now: number,
  maxOffset: number
): readonly [RouterClock, string | undefined] => {
  const offset = date - now
  if (Math.abs(offset) > maxOffset) {
    return [
      { ...clock, known: true },
      `router clock is ${offset} ms from ours, more than ${maxOffset} ms: using our own`
    ]
  }
  const close = (other: number): boolean => Math.abs(offset - other) <= MAX_STEP_MILLIS
  if (!clock.known || close(clock.offset) || (clock.candidate !== undefined && close(clock.candidate))) {
    return [{ offset, known: true, candidate: undefined }, undefined]
  }
  return [
    { ...clock, candidate: offset },
    `router clock jumped from ${clock.offset} to ${offset} ms: waiting for a second`
  ]
}
