/**
 * Whether a runtime's undici asks its dispatchers.
 *
 * Bun puts a module of its own in place of undici, whatever is installed: its `fetch`, `request` and `WebSocket` take a
 * dispatcher, ignore it, and connect by themselves, which would ask DNS for names on I2P and reach clearnet. Its `Agent`
 * shows it: it has no `dispatch`.
 */
export const honoursDispatchers = (agent: abstract new (...args: never) => object): boolean =>
  typeof (agent.prototype as { readonly dispatch?: unknown }).dispatch === "function"
