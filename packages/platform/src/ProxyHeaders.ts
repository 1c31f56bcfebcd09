/**
 * Which HTTP headers pass a proxy. Pure.
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
 *
 * @since 0.1.0
 */
import * as CallerHeaders from "./CallerHeaders.js"

/**
 * Headers in their order, names as they were written.
 *
 * @category models
 * @since 0.1.0
 */
export type Pairs = ReadonlyArray<readonly [name: string, value: string]>

/** Java I2P and i2pd say they are this, so that all who browse look the same. */
const userAgent = "MYOB/6.66 (AN/ON)"

/**
 * From one list of names and values in turn, as Node's `rawHeaders`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromRaw = (raw: ReadonlyArray<string>): Pairs => {
  const pairs: Array<readonly [string, string]> = []
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at]!, raw[at + 1]!])
  return pairs
}

/**
 * To one list of names and values in turn, as Node's `writeHead` takes it.
 *
 * @category conversions
 * @since 0.1.0
 */
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
  lower === "host" || lower === "content-length" || CallerHeaders.isCallerHeader(lower)

/**
 * Without the headers that are meant for the next hop only.
 *
 * **Source** RFC 9110 section 7.6.1.
 *
 * @category filtering
 * @since 0.1.0
 */
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

/**
 * Without `Content-Length`, for a message that has none.
 *
 * @category filtering
 * @since 0.1.0
 */
export const withoutLength = (pairs: Pairs): Pairs => pairs.filter(([name]) => name.toLowerCase() !== "content-length")

/**
 * The headers of a request as a service behind a tunnel gets them: `host` replaces its own, and the caller comes last, so
 * that nothing removes it again.
 *
 * @category filtering
 * @since 0.1.0
 */
export const forService = (pairs: Pairs, host: string, caller: CallerHeaders.Caller | undefined): Pairs => [
  ["Host", host],
  ...endToEnd(pairs).filter(([name]) => name.toLowerCase() !== "host" && !CallerHeaders.isCallerHeader(name)),
  ...(caller === undefined ? [] : CallerHeaders.headersOf(caller))
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

/**
 * The headers of a request for `url` as a proxy sends them: end-to-end ones, without those that identify the sender.
 *
 * @category filtering
 * @since 0.1.0
 */
export const anonymous = (pairs: Pairs, url: URL, options: { readonly sendUserAgent: boolean }): Pairs => {
  const kept: Array<readonly [string, string]> = [["Host", url.host]]
  for (const [name, value] of endToEnd(pairs)) {
    const lower = name.toLowerCase()
    if (lower === "host" || identifying.has(lower) || CallerHeaders.isCallerHeader(lower)) continue
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
 * The headers of an answer as the browser gets them: end-to-end ones, without `Alt-Svc`, which may lead to clearnet.
 *
 * @category filtering
 * @since 0.1.0
 */
export const answer = (pairs: Pairs): Pairs => endToEnd(pairs).filter(([name]) => name.toLowerCase() !== "alt-svc")

const revealing = new Set(["server", "date", "x-powered-by", "x-runtime"])

/**
 * The headers of a service's answer as a tunnel sends them: end-to-end ones, without those that reveal its machine.
 *
 * **Source** i2pd and Java I2P, HTTP server tunnels.
 *
 * @category filtering
 * @since 0.1.0
 */
export const discreet = (pairs: Pairs): Pairs => endToEnd(pairs).filter(([name]) => !revealing.has(name.toLowerCase()))
