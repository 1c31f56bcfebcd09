/**
 * Who is let in, as the shell asks it: lists before a signature is looked at, counters only after.
 *
 * A list costs a look-up, so it spares the dear check; a lie about the sender gains nothing, as the check follows. Counters
 * come last, because whoever could touch them unproved could shut out others.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as AccessList from "../../AccessList.js"
import * as Admission from "../../core/Admission.js"
import type { LimitAction, StreamingOptions } from "../../StreamingConfig.js"
import type { Peer } from "../connection/peer.js"

/**
 * The lists and counters of a session. `turnedAway` and `now` are plain, as everything that the reader touches.
 */
export interface AdmissionControl {
  readonly accessList: AccessList.AccessList
  readonly connectionLimits: Ref.Ref<Admission.Limits>
  readonly pingLimits: Ref.Ref<Admission.Limits>
  readonly connections: Admission.Admission
  readonly pings: Admission.Admission
  readonly now: () => number
  readonly isLogging: boolean
  readonly turnedAway: { denied: number; limited: number; pingsLimited: number }
  lastLog: { readonly at: number; readonly total: number }
}

/** Least time between two log lines about who was turned away, in ms. Ours: a flood must not fill a disk. */
const logInterval = 60_000

/**
 * `chance` is uniform in [0, 1), anew at each call: what the resets of one counter tell says nothing about another.
 */
export const make = (
  options: StreamingOptions,
  now: () => number,
  chance: () => number
): Effect.Effect<AdmissionControl> =>
  Effect.map(
    Effect.all([AccessList.from(options.accessList), Ref.make(options.connectionLimits), Ref.make(options.pingLimits)]),
    ([accessList, connectionLimits, pingLimits]) => {
      const counters = () =>
        Admission.make({
          now: now(),
          chances: { minute: chance(), hour: chance(), day: chance() },
          maxPeers: options.maxCountedPeers
        })
      return {
        accessList,
        connectionLimits,
        pingLimits,
        connections: counters(),
        pings: counters(),
        now,
        isLogging: options.logRejections,
        turnedAway: { denied: 0, limited: 0, pingsLimited: 0 },
        lastLog: { at: Number.NEGATIVE_INFINITY, total: 0 }
      }
    }
  )

/**
 * Whether the lists let a peer in, the session's and the listener's.
 */
export const permits = (self: AdmissionControl, peer: Destination, own: AccessList.AccessList | undefined): boolean =>
  AccessList.unsafePermits(self.accessList, peer.hash) &&
  (own === undefined || AccessList.unsafePermits(own, peer.hash))

/**
 * Counts somebody whom a list keeps out; gives the log line, if one is due.
 */
export const denied = (self: AdmissionControl, peer: Destination): Effect.Effect<void> | undefined => {
  self.turnedAway.denied += 1
  return note(self, peer, "an access list denies it")
}

/**
 * Decides about a connection from a peer whose signature has been checked. Where there is no room the limits decide, not
 * the policy; a policy that throws lets nobody in.
 */
export const admit = (
  self: AdmissionControl,
  policy: Admission.Policy<Destination>,
  { destination, localPort, remotePort }: Peer,
  lack: Admission.Lack | undefined
): Effect.Effect<Admission.Verdict> =>
  Effect.flatMap(Ref.get(self.connectionLimits), (limits) => {
    let counted: Admission.Verdict | undefined
    const ask = () => {
      counted ??= Admission.decide(self.connections, limits, { peer: destination.b32, lack }, self.now())
      return counted
    }
    return Effect.try(() =>
      lack === undefined ? policy({ peer: destination, localPort, remotePort, limits: ask }) : ask()
    ).pipe(
      Effect.catchAll(({ error }) =>
        Effect.as(Effect.logError("the admission policy failed; nobody is let in", error), failed)
      ),
      Effect.tap((verdict) => {
        if (verdict._tag === "Admit") return Effect.void
        self.turnedAway.limited += 1
        return note(self, destination, reasons[verdict.reason]) ?? Effect.void
      })
    )
  })

const failed: Admission.Verdict = { _tag: "Drop", reason: "Policy" }

/**
 * The same for a ping. One too many is not answered: there is nobody to show an answer to.
 */
export const admitPing = (self: AdmissionControl, peer: Destination): Effect.Effect<boolean> =>
  Effect.flatMap(Ref.get(self.pingLimits), (limits) => {
    const verdict = Admission.decide(self.pings, limits, { peer: peer.b32 }, self.now())
    if (verdict._tag === "Admit") return Effect.succeed(true)
    self.turnedAway.pingsLimited += 1
    return Effect.as(note(self, peer, "too many pings") ?? Effect.void, false)
  })

const reasons: Readonly<Record<Admission.Reason, string>> = {
  PeerLimit: "too many connections of this peer",
  TotalLimit: "too many connections of all peers",
  Concurrent: "too many open streams",
  PeerShare: "too many open streams of this peer",
  Policy: "the admission policy of this program"
}

const note = (self: AdmissionControl, peer: Destination, reason: string): Effect.Effect<void> | undefined => {
  const at = self.now()
  if (!self.isLogging || at - self.lastLog.at < logInterval) return undefined
  const { denied, limited, pingsLimited } = self.turnedAway
  const total = denied + limited + pingsLimited
  const unsaid = total - self.lastLog.total - 1
  self.lastLog = { at, total }
  const others = unsaid === 0 ? "" : `, and ${unsaid} more since the last such line`
  return Effect.logInfo(`turned ${peer.short} away: ${reason}${others}`).pipe(
    Effect.annotateLogs({ package: "streaming", module: "StreamManager" })
  )
}

/** TLS has its own words for an error, and these are not among them. Java I2P 2.8.0 resets there, too. */
const tlsPort = 443

/**
 * What a peer beyond a limit gets: nothing, a reset, or these bytes as its whole connection.
 */
export const reaction = (action: LimitAction, port: number, retryAfter: number): "drop" | "reset" | Uint8Array => {
  if (action === "drop" || action === "reset") return action
  if (port === tlsPort) return "reset"
  return new TextEncoder().encode(action === "http" ? tooManyRequests(retryAfter) : action.text)
}

/** RFC 6585 section 4, RFC 9110 section 10.2.3: whole seconds, and none too few. */
const tooManyRequests = (retryAfter: number): string => {
  const seconds = Math.max(1, Math.ceil(retryAfter / 1000))
  const body = `Too many requests; try again in ${seconds} s.\n`
  return [
    "HTTP/1.1 429 Too Many Requests",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    `Retry-After: ${seconds}`,
    "Cache-Control: no-store",
    "Connection: close",
    "",
    body
  ].join("\r\n")
}
