/** The `code` of one of Node's errors; empty if it has none. */
export const errorCode = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""
