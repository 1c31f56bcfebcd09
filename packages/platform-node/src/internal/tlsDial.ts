/**
 * Dialling with TLS. Node is told to let every certificate through the handshake; whether it is the right one is decided
 * here, before a byte of ours is written, because only here it can be said why not, and what would make it right.
 */
import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Socket from "@effect/platform/Socket"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as I2cpError from "@effect-i2p/i2cp/I2cpError"
import * as RouterAddress from "@effect-i2p/platform/RouterAddress"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Dial from "./dial.js"

/**
 * A certificate or key: PEM text, or the file that holds it, which is read at every dial.
 *
 * @category models
 * @since 0.1.0
 */
export type Pem = string | { readonly file: string }

/**
 * What makes a router trusted. Nobody is by default, not even the authorities the system trusts: they vouch for names, and
 * an I2CP router signs its certificate itself.
 *
 * **Shape**
 * - `ca` certificates whose word counts; the router's own self-signed one will do. Then the certificate must be for the
 *   host, or for `serverName`; on this machine `localhost` and its numbers will all do, as Java I2P writes `localhost`.
 * - `fingerprint` SHA-256 of the router's certificate in hexadecimal, colons or not. Without `ca` it alone decides,
 *   whatever name and dates say; with `ca` both must hold.
 * - `certificate` ours, for a router that asks for one.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsTrust {
  readonly ca?: Pem | ReadonlyArray<Pem> | undefined
  readonly fingerprint?: string | undefined
  readonly serverName?: string | undefined
  readonly certificate?:
    | {
        readonly chain: Pem
        readonly key: Redacted.Redacted<string> | { readonly file: string }
        readonly passphrase?: Redacted.Redacted<string> | undefined
      }
    | undefined
}

/**
 * **Units** `connectTimeout` default 10 s, the TLS handshake included.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
  readonly tls: TlsTrust
}

export const tls = (options: TlsOptions): Effect.Effect<Socket.Socket> => {
  const host = options.host ?? RouterAddress.DEFAULT_HOST
  const port = options.port ?? RouterAddress.DEFAULT_PORT
  const trust = options.tls
  const place = RouterAddress.format({ _tag: "Tls", host, port, trust: {} })
  const dial = Effect.gen(function* () {
    const pin = yield* pinOf(trust)
    const secureContext = yield* contextOf(trust)
    const names = namesOf(host, trust.serverName)
    let isConnected = false
    const socket = yield* Dial.open<Tls.TLSSocket>({
      make: () => {
        const servername = names.find((name) => Net.isIP(name) === 0)
        const made = Tls.connect({
          host,
          port,
          ...Dial.socketOptions,
          ...(servername === undefined ? {} : { servername }),
          secureContext,
          // Judged below, where the answer can say what is wrong with it.
          rejectUnauthorized: false,
          checkServerIdentity: (_, certificate) => refusalOf(names, certificate)
        })
        made.once("connect", () => {
          isConnected = true
        })
        return made
      },
      event: "secureConnect",
      timeout: options.connectTimeout,
      explain: (cause) =>
        isConnected ? handshakeFailed(cause, trust) : Dial.unreachable(cause, place, I2cpError.ENABLE_HINT),
      onTimeout: () =>
        isConnected ? plainServer("nothing answered the TLS handshake") : Dial.silent(place, I2cpError.ENABLE_HINT)
    })
    const problem = judge(socket, trust, pin, names)
    return yield* problem === undefined ? Effect.succeed(socket) : Effect.fail(Dial.openError(problem))
  })
  return Effect.map(NodeSocket.fromDuplex(dial), (socket) => explaining(socket, trust))
}

const failed = (
  reason: I2cpError.TlsFailed["reason"],
  detail: string,
  hint: string,
  cause?: unknown
): I2cpError.TlsFailed =>
  new I2cpError.TlsFailed({
    reason,
    detail: I2cpError.sanitize(detail),
    hint,
    ...(cause === undefined ? {} : { cause })
  })

// --- what we bring -----------------------------------------------------------------------------------------------

const pinOf = ({ fingerprint }: TlsTrust): Effect.Effect<string | undefined, Socket.SocketError> => {
  if (fingerprint === undefined) return Effect.succeed(undefined)
  const pin = RouterAddress.normalizePin(fingerprint)
  return pin === undefined
    ? Dial.openError(
        failed(
          "Misconfigured",
          "the fingerprint is no SHA-256 in hexadecimal",
          "take it from: openssl x509 -noout -fingerprint -sha256 -in i2cp.local.crt"
        )
      )
    : Effect.succeed(pin)
}

const contextOf = (trust: TlsTrust): Effect.Effect<Tls.SecureContext, Socket.SocketError> =>
  Effect.gen(function* () {
    const ca = trust.ca === undefined ? [] : Array.isArray(trust.ca) ? trust.ca : [trust.ca as Pem]
    const own = trust.certificate
    const read = {
      ca: yield* Effect.forEach(ca, textOf),
      cert: own === undefined ? undefined : yield* textOf(own.chain),
      key:
        own === undefined ? undefined : Redacted.isRedacted(own.key) ? Redacted.value(own.key) : yield* textOf(own.key),
      passphrase: own?.passphrase === undefined ? undefined : Redacted.value(own.passphrase)
    }
    return yield* Effect.try({
      // An empty list of authorities is not the same as none given, which would be the system's.
      try: () => Tls.createSecureContext({ ...read, minVersion: "TLSv1.2" }),
      catch: (cause) =>
        Dial.openError(
          failed(
            "Misconfigured",
            `a certificate or key cannot be used: ${cause instanceof Error ? cause.message : cause}`,
            "give PEM files: the router's certificate as ca, our own as cert and key"
          )
        )
    })
  })

const textOf = (pem: Pem): Effect.Effect<string, Socket.SocketError> =>
  typeof pem === "string"
    ? Effect.succeed(pem)
    : Effect.tryPromise({
        try: () => Fs.readFile(pem.file, "utf8"),
        catch: (cause) =>
          Dial.openError(
            failed(
              "Misconfigured",
              `cannot read ${pem.file}: ${(cause as NodeJS.ErrnoException).code ?? cause}`,
              "give a PEM file that this user may read"
            )
          )
      })

// --- whom we trust -----------------------------------------------------------------------------------------------

/** Names the certificate may be for. This machine has several, and Java I2P's certificate only says `localhost`. */
const namesOf = (host: string, serverName: string | undefined): ReadonlyArray<string> => {
  if (serverName !== undefined) return [serverName]
  return RouterAddress.isLoopback(host) ? [host, "localhost", "127.0.0.1", "::1"] : [host]
}

const refusalOf = (names: ReadonlyArray<string>, certificate: Tls.PeerCertificate): Error | undefined => {
  const refusals = names.map((name) => Tls.checkServerIdentity(name, certificate))
  return refusals.some((refusal) => refusal === undefined) ? undefined : refusals[0]
}

const judge = (
  socket: Tls.TLSSocket,
  trust: TlsTrust,
  pin: string | undefined,
  names: ReadonlyArray<string>
): I2cpError.TlsFailed | undefined => {
  const shown = socket.getPeerCertificate().fingerprint256
  const actual = RouterAddress.normalizePin(shown ?? "")
  if (actual === undefined) return failed("NotTrusted", "the router has no certificate", "find out who answers there")
  if (pin !== undefined && actual !== pin) {
    return failed(
      "WrongPin",
      `its certificate has the fingerprint ${actual}, not the pinned ${pin}`,
      "if the router made itself a new certificate, pin that one; if not, somebody else answers on that port"
    )
  }
  // With a pin and no authority the pin alone decides.
  if (trust.ca === undefined && pin !== undefined) return undefined
  return socket.authorized ? undefined : notAuthorized(String(socket.authorizationError), actual, names)
}

const notAuthorized = (code: string, actual: string, names: ReadonlyArray<string>): I2cpError.TlsFailed => {
  switch (code) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return failed(
        "WrongName",
        `its certificate is not for ${names[0]}`,
        "say whom it is for: name=HOST in the address, serverName in the options; or pin its fingerprint"
      )
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return failed(
        "Expired",
        `its certificate is outside of its dates: ${code}`,
        "check the clocks; Java I2P makes a new certificate when the old one is deleted"
      )
    default:
      return failed(
        "NotTrusted",
        `its certificate is not trusted: ${code}, fingerprint ${actual}`,
        `if that is the router's (Java I2P: certificates/i2cp/i2cp.local.crt in its directory), give the file as ca or ` +
          `the fingerprint as pin: tls://host:port?pin=${actual}`
      )
  }
}

// --- what went wrong ---------------------------------------------------------------------------------------------

const plainServer = (detail: string, cause?: unknown): I2cpError.TlsFailed =>
  failed(
    "PlainServer",
    detail,
    "that port seems to do without TLS: use host:port; or switch TLS on: Java I2P, console > I2CP configuration > SSL " +
      "required (i2cp.SSL=true); i2pd has none on I2CP",
    cause
  )

/** **Source** RFC 8446 section 6.2, in OpenSSL's words. */
const CLIENT_CERTIFICATE_ALERT =
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)/

const handshakeFailed = (cause: NodeJS.ErrnoException, trust: TlsTrust): I2cpError.TlsFailed => {
  const code = cause.code ?? ""
  if (CLIENT_CERTIFICATE_ALERT.test(code)) return clientCertificate(cause, trust)
  return /ALERT/.test(code)
    ? failed("Failed", cause.message, "the router does not agree to our TLS; see its log", cause)
    : plainServer(`no TLS came back: ${code || cause.message}`, cause)
}

const clientCertificate = (cause: NodeJS.ErrnoException, trust: TlsTrust): I2cpError.TlsFailed =>
  trust.certificate === undefined
    ? failed(
        "ClientCertificate",
        "the router asks for a certificate of ours",
        "give one: cert=FILE and key=FILE",
        cause
      )
    : failed(
        "ClientCertificate",
        `the router does not take our certificate: ${cause.code}`,
        "have it signed by an authority the router trusts",
        cause
      )

/** In TLS 1.3 the router judges our certificate after we think that all is well: the verdict comes with the first read. */
const explaining = (socket: Socket.Socket, trust: TlsTrust): Socket.Socket => {
  const explain = <E>(error: E | Socket.SocketError): E | Socket.SocketError => {
    if (!Socket.isSocketError(error) || error.reason !== "Read") return error
    const cause = error.cause as NodeJS.ErrnoException
    return CLIENT_CERTIFICATE_ALERT.test(cause.code ?? "")
      ? new Socket.SocketGenericError({ reason: "Read", cause: clientCertificate(cause, trust) })
      : error
  }
  return Socket.Socket.of({
    ...socket,
    run: (handler, options) => Effect.mapError(socket.run(handler, options), explain),
    runRaw: (handler, options) => Effect.mapError(socket.runRaw(handler, options), explain)
  })
}
