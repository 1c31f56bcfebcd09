/**
 * What happens in a run of chaos, decided beforehand by its seed: the streams, what their two ends do, and what befalls
 * the router meanwhile.
 *
 * @since 0.1.0
 */
import type * as Netem from "@effect-i2p/router/Netem"
import { PCGRandom } from "effect/Utils"

/**
 * How an end is done with its stream once it has written all, or with `reset` and `leave` somewhere before.
 *
 * **Shape** `end` half-closes and reads on to the other's end; `close` waits for the other's data first and closes then.
 * `reset` aborts after so many bytes read, `leave` interrupts everything it does with the stream.
 *
 * @since 0.1.0
 * @category models
 */
export type Ending = "end" | "close" | "reset" | "leave"

/**
 * **Units** bytes; milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface EndPlan {
  /** What it writes. */
  readonly bytes: number
  /** How much it writes at a time. */
  readonly chunk: number
  /** How long it rests after each read; 0 for one that reads as fast as it can. */
  readonly readPause: number
  readonly ending: Ending
  /** Of those that break off: after so long. */
  readonly after: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface StreamPlan {
  readonly opensAt: number
  readonly client: EndPlan
  readonly server: EndPlan
}

/**
 * What befalls the router, and for how long where it lasts.
 *
 * @since 0.1.0
 * @category models
 */
export type Blow =
  | { readonly _tag: "Link"; readonly link: Partial<Netem.Config> }
  | { readonly _tag: "Restart"; readonly millis: number }
  | { readonly _tag: "Destroy" }
  | { readonly _tag: "Renew" }
  | { readonly _tag: "Refuse"; readonly how: "Disconnect" | "Invalid" | "Silence"; readonly millis: number }
  | { readonly _tag: "NoTunnels"; readonly millis: number }
  | { readonly _tag: "Hold"; readonly millis: number }
  | { readonly _tag: "Silent"; readonly millis: number }
  | { readonly _tag: "SlowReads"; readonly bytesPerSecond: number; readonly millis: number }
  | { readonly _tag: "Answer"; readonly status: number; readonly millis: number }
  | { readonly _tag: "Corrupt"; readonly share: number; readonly millis: number }

/**
 * **Shape** `wait` passes before the blow.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan {
  readonly link: Partial<Netem.Config>
  readonly streams: ReadonlyArray<StreamPlan>
  readonly blows: ReadonlyArray<{ readonly wait: number; readonly blow: Blow }>
}

const endings: ReadonlyArray<Ending> = ["end", "end", "end", "close", "close", "reset", "leave"]

/** MessageStatus codes: of those that say nothing is lost, that something may be, and that nobody is there. */
const statuses = [4, 2, 13, 14, 15, 16, 17, 19, 21]

/**
 * The plan of a seed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (seed: number): Plan => {
  const random = new PCGRandom(seed)
  const between = (least: number, most: number) => least + random.integer(most - least + 1)
  const pick = <A>(list: ReadonlyArray<A>): A => list[random.integer(list.length)]!
  const times = <A>(count: number, make: () => A): ReadonlyArray<A> => Array.from({ length: count }, make)

  const link = (): Partial<Netem.Config> => ({
    latencyMillis: between(0, 800),
    jitterMillis: pick([0, 10, 200]),
    loss: pick([0, 0, 0.01, 0.1, 0.3]),
    lossBurst: pick([1, 1, 5]),
    reorder: pick([0, 0, 0.1]),
    duplicate: pick([0, 0, 0.1]),
    bytesPerSecond: pick([Number.POSITIVE_INFINITY, 100_000, 20_000])
  })

  const end = (): EndPlan => ({
    bytes: pick([0, 1, between(1, 4_000), between(1, 60_000), between(1, 200_000)]),
    chunk: pick([100, 2_000, 16_384, 70_000]),
    readPause: pick([0, 0, 0, 50, 2_000]),
    ending: pick(endings),
    after: between(0, 20_000)
  })

  const blow = (): Blow => {
    // Mostly what a stream outlives, sometimes what no stream does.
    const millis = between(0, pick([500, 15_000, 15_000, 240_000]))
    switch (random.integer(11)) {
      case 0:
      case 1:
        return { _tag: "Link", link: link() }
      case 2:
        return { _tag: "Restart", millis }
      case 3:
        return { _tag: "Destroy" }
      case 4:
        return { _tag: "Renew" }
      case 5:
        return { _tag: "Refuse", how: pick(["Disconnect", "Invalid", "Silence"] as const), millis }
      case 6:
        return { _tag: "NoTunnels", millis }
      case 7:
        return pick<Blow>([
          { _tag: "Hold", millis },
          { _tag: "Silent", millis }
        ])
      case 8:
        return { _tag: "SlowReads", bytesPerSecond: between(500, 50_000), millis }
      case 9:
        return { _tag: "Answer", status: pick(statuses), millis }
      default:
        return { _tag: "Corrupt", share: pick([0.01, 0.1, 0.5]), millis }
    }
  }

  return {
    link: link(),
    streams: times(between(1, 6), () => ({ opensAt: between(0, 20_000), client: end(), server: end() })),
    blows: times(between(2, 14), () => ({ wait: between(0, 6_000), blow: blow() }))
  }
}
