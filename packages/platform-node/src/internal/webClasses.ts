/**
 * The global classes of fetch and those of the undici package, which are other classes of the same names: each of the two
 * takes an object of the other for a string.
 *
 * They are told apart by what they say they are, so that a `FormData` of a third copy is taken, too.
 */
import * as Undici from "@effect/platform-node/Undici"

const isA = (value: unknown, name: string): boolean =>
  typeof value === "object" &&
  value !== null &&
  (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === name

/** The same form as undici's; anything else as it is. */
export const toUndiciBody = (body: unknown): unknown => {
  if (!isA(body, "FormData") || body instanceof Undici.FormData) return body
  const form = new Undici.FormData()
  for (const [name, value] of body as FormData) {
    if (typeof value === "string") form.append(name, value)
    else form.append(name, value, value.name)
  }
  return form
}

/** The same for what a dispatcher takes, which knows no `URLSearchParams` and would send its pairs one behind the other. */
export const toDispatcherBody = (body: unknown): NonNullable<Undici.Dispatcher.DispatchOptions["body"]> | null =>
  (isA(body, "URLSearchParams")
    ? new Blob([String(body)], { type: "application/x-www-form-urlencoded;charset=UTF-8" })
    : toUndiciBody(body)) as Undici.FormData

/**
 * What undici's fetch is to be called with: `init` wins over a `Request`. The body of a `Request` is used up by it, unless
 * `init` has one, and goes out as a stream.
 */
export const toUndiciArguments = (
  input: unknown,
  init: object | undefined
): readonly [Undici.RequestInfo, Undici.RequestInit] => {
  const changes = { ...init } as Undici.RequestInit
  if (changes.body !== undefined) changes.body = toUndiciBody(changes.body) as Undici.BodyInit
  if (!isA(input, "Request") || input instanceof Undici.Request) return [input as Undici.RequestInfo, changes]
  const request = input as Request
  const { cache, credentials, headers, integrity, keepalive, method, mode } = request
  const { redirect, referrer, referrerPolicy, signal } = request
  const given = {
    cache,
    credentials,
    headers,
    integrity,
    keepalive,
    method,
    mode,
    redirect,
    referrer,
    referrerPolicy,
    signal
  }
  const body = changes.body ?? request.body
  return [request.url, { duplex: "half", ...given, ...changes, body } as Undici.RequestInit]
}

/** Answers without a body; `Response` refuses to be made with one. Source: fetch specification, null body status. */
const bodiless: ReadonlySet<number> = new Set([101, 103, 204, 205, 304])

/** What an answer is made with, and what is only known of one that came. */
interface Answer {
  readonly status: number
  readonly statusText: string
  readonly url: string
  readonly redirected: boolean
  readonly type: string
}

const makeResponse = (answer: Answer, headers: Headers, body: Response["body"]): Response => {
  const { redirected, status, statusText, type, url } = answer
  const response = new Response(bodiless.has(status) ? null : body, {
    // It takes no others, and a server may say what it likes.
    status: status >= 200 && status <= 599 ? status : 200,
    statusText,
    headers
  })
  const clone = response.clone.bind(response)
  const known = { status, ok: status >= 200 && status <= 299, url, redirected, type }
  for (const [name, value] of Object.entries(known)) Object.defineProperty(response, name, { value })
  Object.defineProperty(response, "clone", {
    value: () => {
      const copy = clone()
      return makeResponse(answer, copy.headers, copy.body)
    }
  })
  return response
}

/** The answers of undici, as long as somebody has ours: it ends the body of one that is collected. */
const sources = new WeakMap<Response, Undici.Response>()

/** The answer of undici's fetch as the global fetch gives it. */
export const toResponse = (answer: Undici.Response): Response => {
  const response = makeResponse(answer, answer.headers as unknown as Headers, answer.body as Response["body"])
  sources.set(response, answer)
  return response
}
