/**
 * Which headers pass a proxy. Pure; headers are Node's raw ones, name and value in turn.
 *
 * | from a browser                                         | becomes of it               | source            |
 * | ------------------------------------------------------ | --------------------------- | ----------------- |
 * | Connection and what it names, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade, Proxy-* | taken out | RFC 9110, 7.6.1 |
 * | User-Agent                                             | `MYOB/6.66 (AN/ON)`         | i2pd, Java I2P    |
 * | Accept                                                 | one of three, or as it is   | Java I2P          |
 * | other Accept-*, except Accept-Encoding                 | taken out                   | i2pd, Java I2P    |
 * | Referer                                                | only to the same site       | i2pd, Java I2P    |
 * | From, Via                                              | taken out                   | i2pd, Java I2P    |
 * | Forwarded, X-Forwarded*, DNT                           | taken out                   | i2pd              |
 * | X-Requested-With, unless a script's                    | taken out                   | i2pd              |
 * | Authorization: NTLM or Negotiate                       | taken out                   | Java I2P (NTLM)   |
 * | X-Real-IP, Sec-GPC, Sec-CH-*, Client hints, X-I2P-*    | taken out                   | ours              |
 */
import type { Caller } from "../I2pCaller.js"
import * as Callers from "./callers.js"

export type Pairs = ReadonlyArray<readonly [name: string, value: string]>

/** Java I2P and i2pd say they are this, so that all who browse look the same. */
const userAgent = "MYOB/6.66 (AN/ON)"

export const fromRaw = (raw: ReadonlyArray<string>): Pairs => {
  const pairs: Array<readonly [string, string]> = []
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at]!, raw[at + 1]!])
  return pairs
}

export const toRaw = (pairs: Pairs): Array<string> => pairs.flat()

const hopByHop = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** What `Connection` may not take out: whom a request is for, who sends it, and where a message ends. */
const isProtected = (lower: string): boolean =>
  lower === "host" || lower === "content-length" || Callers.isCallerHeader(lower)

/** Without what is meant for the next hop only. */
export const endToEnd = (pairs: Pairs): Pairs => {
  const named = new Set(
    pairs
      .filter(([name]) => name.toLowerCase() === "connection")
      .flatMap(([, value]) => value.toLowerCase().split(","))
      .map((token) => token.trim())
      .filter((token) => !isProtected(token))
  )
  return pairs.filter(([name]) => {
    const lower = name.toLowerCase()
    return !hopByHop.has(lower) && !lower.startsWith("proxy-") && lower !== "proxy" && !named.has(lower)
  })
}

/** The same without a length, for a message that has none. */
export const withoutLength = (pairs: Pairs): Pairs => pairs.filter(([name]) => name.toLowerCase() !== "content-length")

/**
 * The end-to-end headers of a request for a service: `host` in place of its own, and last, so that nothing takes it out
 * again, who calls.
 */
export const forService = (pairs: Pairs, host: string, caller: Caller | undefined): Pairs => [
  ["Host", host],
  ...endToEnd(pairs).filter(([name]) => name.toLowerCase() !== "host" && !Callers.isCallerHeader(name)),
  ...(caller === undefined ? [] : Callers.headersOf(caller))
]

const identifying = new Set(["from", "via", "forwarded", "dnt", "x-real-ip", "sec-gpc", "save-data", "device-memory"])
const identifyingStarts = ["x-forwarded", "sec-ch-", "downlink", "viewport-width", "dpr"]

/** What a browser asks for, told in a way that all browsers share. Source: Java I2P 2.8.0, `I2PTunnelHTTPClient`. */
const accept = (value: string): string => {
  const html = value.includes("text/html")
  const css = value.includes("text/css")
  const image = value.includes("image")
  if (html && !image && !css) return "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
  if (image && !html && !css) return "image/webp,image/apng,image/*,*/*;q=0.8"
  if (css && !html && !image) return "text/css,*/*;q=0.1"
  return value
}

const isSameSite = (referer: string, url: URL): boolean => {
  try {
    return new URL(referer).origin === url.origin
  } catch {
    return false
  }
}

/** The headers of a request for `url` as they leave: end-to-end ones, without what tells who is asking. */
export const anonymous = (pairs: Pairs, url: URL, options: { readonly sendUserAgent: boolean }): Pairs => {
  const kept: Array<readonly [string, string]> = [["Host", url.host]]
  for (const [name, value] of endToEnd(pairs)) {
    const lower = name.toLowerCase()
    if (lower === "host" || identifying.has(lower) || Callers.isCallerHeader(lower)) continue
    if (identifyingStarts.some((start) => lower.startsWith(start))) continue
    if (lower === "user-agent" && !options.sendUserAgent) continue
    if (lower === "accept") {
      kept.push([name, accept(value.toLowerCase())])
      continue
    }
    if (lower.startsWith("accept-") && lower !== "accept-encoding") continue
    if (lower === "referer" && !isSameSite(value, url)) continue
    if (lower === "x-requested-with" && !value.includes("HttpRequest")) continue
    if (lower === "authorization" && /^\s*(ntlm|negotiate)\b/i.test(value)) continue
    kept.push([name, value])
  }
  if (!options.sendUserAgent) kept.push(["User-Agent", userAgent])
  return kept
}

/**
 * The headers of an answer as the browser gets them: without Alt-Svc, too, which names other ways to the site, perhaps on
 * clearnet.
 */
export const answer = (pairs: Pairs): Pairs => endToEnd(pairs).filter(([name]) => name.toLowerCase() !== "alt-svc")

const revealing = new Set(["server", "date", "x-powered-by", "x-runtime"])

/** The headers of a service's answer as they leave: without what tells about its machine. Source: i2pd, Java I2P. */
export const discreet = (pairs: Pairs): Pairs => endToEnd(pairs).filter(([name]) => !revealing.has(name.toLowerCase()))
