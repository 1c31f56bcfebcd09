/**
 * The answers that a proxy or tunnel makes itself: a status, what went wrong, and what to do about it. HTML for browsers,
 * text for others. Pure.
 *
 * @since 0.1.0
 */
import type { ConnectError, ListenError, StreamError, TransportFailed } from "@effect-i2p/streaming/StreamError"
import * as Option from "effect/Option"
import type { NotI2pHost } from "./I2pHttpError.js"
import * as I2pHttpError from "./I2pHttpError.js"

/**
 * What went wrong with a request.
 *
 * **Shape** `cause` is for whoever runs the tunnel and is never sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly status: Status
  readonly title: string
  readonly what: string
  readonly advice: string
  readonly cause?: string
}

const reasonPhrases = {
  400: "Bad Request",
  403: "Forbidden",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout"
} as const

/**
 * The statuses of these answers.
 *
 * **Source** RFC 9110 section 15.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = keyof typeof reasonPhrases

const problem = (status: Status, title: string, what: string, advice: string): Problem => ({
  status,
  title,
  what,
  advice
})

/**
 * The host is not on I2P.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notI2p = (error: NotI2pHost): Problem =>
  problem(
    403,
    "Not on I2P",
    error.message,
    "This proxy reaches .i2p sites only, and has no outproxy. Set it for .i2p in your browser, or as the whole proxy of one that only visits I2P."
  )

/**
 * The request is for a web server, not for a proxy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notAProxyRequest = problem(
  400,
  "Not a request to a proxy",
  "The request names no host in its first line.",
  "Set this address as the HTTP proxy of your browser or program, instead of opening it."
)

/**
 * A plain request for an `https:` URL.
 *
 * @category constructors
 * @since 0.1.0
 */
export const httpsWithoutConnect = problem(
  400,
  "Not a way to https",
  "The request asks the proxy itself to speak https.",
  "Programs tunnel https through CONNECT; set this address as the proxy for https, too."
)

/**
 * The request is malformed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const badRequest = (what: string): Problem =>
  problem(400, "Not a proper request", `The request cannot be passed on: ${what}`, "Mend the program that sent it.")

/**
 * The body has a transfer coding other than chunked.
 *
 * **Source** RFC 9112 section 6.1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknownCoding = (coding: string): Problem =>
  problem(
    501,
    "Unknown transfer coding",
    `The request is encoded for transfer as ${coding}, of which only chunked is known.`,
    "Compress the body with Content-Encoding instead."
  )

/**
 * The site's answer is malformed or incomplete.
 *
 * @category constructors
 * @since 0.1.0
 */
export const badAnswer = (why: string): Problem =>
  problem(502, "No proper answer", `The site's answer is not HTTP, or broke off: ${why}`, "Try again later.")

/**
 * The service behind a tunnel cannot be reached.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serviceDown = problem(
  503,
  "Service Unavailable",
  "This site is there, and the web server behind it is not.",
  "Try again later."
)

/**
 * A CONNECT request to a tunnel, which is not a proxy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connectToService = problem(
  501,
  "Not a proxy",
  "The request asks a web server to connect to something else.",
  "Ask for a page of the site."
)

/**
 * The site accepted the request and did not answer in time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noAnswer = (seconds: number): Problem =>
  problem(
    504,
    "The site does not answer",
    `The site took the request and said nothing for ${seconds} s.`,
    "Try again later; the site may be overloaded."
  )

/**
 * Why a request failed before its answer: a refused host, or anything else that a client throws; see {@link fromFailure} for
 * errors of streams.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromError = (error: unknown): Problem => {
  const refused = I2pHttpError.refusal(error)
  if (Option.isSome(refused)) return notI2p(refused.value)
  return badAnswer(error instanceof Error ? error.message : String(error))
}

/**
 * Why a stream could not be opened, or broke.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFailure = (failure: ConnectError | ListenError | StreamError): Problem => {
  const { message } = failure
  switch (failure._tag) {
    case "DestinationNotFound":
      if (failure.reason === "BadAddress") {
        return problem(400, "No such address", message, "Check the address for mistakes.")
      }
      if (failure.reason === "NotFound" && !failure.address.endsWith(".b32.i2p")) {
        return problem(
          502,
          "Unknown name",
          message,
          "Check the name. If it is right, your router's address book does not have it: add it there, or use the site's .b32.i2p address."
        )
      }
      return problem(
        failure.reason === "NotFound" ? 502 : 504,
        "The site is not found",
        message,
        "It may be off line. If nothing else is found either, see whether your router has tunnels yet."
      )
    case "ConnectTimedOut":
      return problem(504, "The site does not answer", message, "It may be off line, or busy. Try again later.")
    case "ConnectRefused":
      return problem(
        502,
        "The site refuses the connection",
        message,
        "Check the port, or try again later: the site may limit its visitors."
      )
    case "TransportFailed":
      return transportFailed(failure)
    case "TooManyStreams":
      return problem(503, "Too many streams", message, "Close some tabs, or try again later.")
    case "DestinationUnreachable":
    case "OfflineKeysExpired":
    case "PortInUse":
    case "StreamClosed":
    case "StreamReset":
      return problem(502, "The site is not reached", message, "Try again later.")
  }
}

const transportFailed = ({ detail, reason }: TransportFailed): Problem => {
  switch (reason) {
    case "Overloaded":
      return problem(503, "Your router is busy", detail, "Try again in a moment.")
    case "NotReady":
      return problem(503, "Your router is not ready", detail, "Wait until it has tunnels, and try again.")
    case "RouterAway":
    case "NotMade":
    case "SessionFailed":
      return problem(502, "Your router is not reached", detail, "Start your router, or see what its log says.")
    case "SessionClosed":
      return problem(503, "The proxy is closing", detail, "Start it again.")
    case "Rejected":
    case "Aborted":
    case "BadSignatures":
    case "Defect":
      return problem(502, "The site is not reached", detail, "Try again later, or see what the log of the proxy says.")
  }
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const html = ({ advice, status, title, what }: Problem): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${status} ${escapeHtml(title)}</title></head>
<body><h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(what)}</p>
<p>${escapeHtml(advice)}</p>
<hr><p>i2p tunnel http</p></body>
</html>
`

/** **Source** RFC 9209 section 2.3. */
const errorTypes: { readonly [S in Status]?: string } = {
  400: "http_request_error",
  403: "http_request_denied",
  501: "http_request_error",
  504: "connection_timeout"
}

/**
 * The headers and the body of the answer to a request with this `Accept` header. The page loads nothing and is not cached.
 *
 * @category encoding
 * @since 0.1.0
 */
export const render = (
  problem: Problem,
  accept: string | undefined
): { readonly headers: Array<readonly [string, string]>; readonly body: Uint8Array } => {
  const wantsHtml = accept?.includes("text/html") === true
  const text = `${problem.status} ${problem.title}\n\n${problem.what}\n${problem.advice}\n`
  const body = new TextEncoder().encode(wantsHtml ? html(problem) : text)
  return {
    headers: [
      ["Content-Type", `${wantsHtml ? "text/html" : "text/plain"}; charset=utf-8`],
      ["Content-Length", String(body.length)],
      ["Cache-Control", "no-store"],
      ["Content-Security-Policy", "default-src 'none'"],
      ["Proxy-Status", `i2p; error=${errorTypes[problem.status] ?? "destination_unavailable"}`],
      ["Connection", "close"]
    ],
    body
  }
}

/**
 * The whole answer as bytes, for a connection without an HTTP server.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toBytes = (problem: Problem, accept: string | undefined): Uint8Array => {
  const { body, headers } = render(problem, accept)
  const status = `HTTP/1.1 ${problem.status} ${reasonPhrases[problem.status]}`
  const head = [status, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\r\n")
  const start = new TextEncoder().encode(`${head}\r\n\r\n`)
  const bytes = new Uint8Array(start.length + body.length)
  bytes.set(start)
  bytes.set(body, start.length)
  return bytes
}

/**
 * One line for a tunnel's statistics.
 *
 * @category formatting
 * @since 0.1.0
 */
export const reasonOf = ({ cause, title, what }: Problem): string => cause ?? `${title}: ${what}`
