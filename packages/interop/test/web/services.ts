/**
 * Web services behind the tunnel and the proxy, each on a server that others wrote. They answer `/raw/keep/HEX` and
 * `/raw/close/HEX` with those bytes, and everything else with what they were asked.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** What a service was asked, as it tells it. */
export interface Echo {
  readonly method: string
  readonly target: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string
}

const serve: Http.RequestListener = (request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const { method = "", rawHeaders, url = "" } = request
    const [, , then, text] = url.startsWith("/raw/") ? url.split("/") : []
    if (text !== undefined) {
      const socket = response.socket!
      const { write } = socket
      socket.write(Buffer.from(text, "hex"))
      // Node takes this for its answer, and goes on to the next request.
      socket.write = ((...args: ReadonlyArray<unknown>) => {
        const done = args.at(-1)
        if (typeof done === "function") process.nextTick(done)
        return true
      }) as typeof write
      response.end()
      socket.write = write
      if (then === "close") socket.end()
      return
    }
    const headers = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1]!] as const] : []))
    const echo: Echo = { method, target: url, headers, body: Buffer.concat(chunks).toString("latin1") }
    response.setHeader("Server", "secret/1")
    response.end(JSON.stringify(echo))
  })
}

/** On `node:http`. */
export const node: Effect.Effect<Endpoint, never, Scope.Scope> = Effect.acquireRelease(
  Effect.async<Http.Server>((resume) => {
    const server: Http.Server = Http.createServer({ maxHeaderSize: 65_536 }, serve).listen(0, "127.0.0.1", () =>
      resume(Effect.succeed(server))
    )
    server.maxHeadersCount = 0
    server.on("connection", (socket) => socket.on("error", () => {}))
  }),
  (server) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
).pipe(Effect.map((server) => ({ host: "127.0.0.1", port: (server.address() as Net.AddressInfo).port })))

const running = (command: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] })),
    (child) =>
      Effect.async<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGTERM")
      })
  )

/** On Python's `http.server`. */
export const python: Effect.Effect<Endpoint, never, Scope.Scope> = Effect.gen(function* () {
  const child = yield* running("python3", [fileURLToPath(new URL("service.py", import.meta.url))])
  const port = yield* Effect.async<number>((resume) => {
    child.stdout.once("data", (text: Buffer) => resume(Effect.succeed(Number(text))))
  })
  return { host: "127.0.0.1", port }
})

/** nginx in front of the one on `node:http`. */
export const nginx: Effect.Effect<Endpoint, never, Scope.Scope> = Effect.gen(function* () {
  const behind = yield* node
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-i2p-nginx-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )
  const socket = Path.join(folder, "http.sock")
  // A path of its own for every file that nginx would put somewhere on the system.
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join("\n")
  const config = `
daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off; ${paths}
  large_client_header_buffers 8 64k;
  server {
    listen unix:${socket};
    location / {
      proxy_pass http://127.0.0.1:${behind.port}; proxy_http_version 1.1;
      proxy_set_header Host $http_host; proxy_set_header Connection "";
    }
    location = /small { client_max_body_size 1k; proxy_pass http://127.0.0.1:${behind.port}/echo; }
    location = /page { default_type text/plain; etag off; return 200 "a page"; }
    location = /nothing { return 204; }
  }
}
`
  Fs.writeFileSync(`${folder}/nginx.conf`, config)
  yield* running("nginx", ["-e", `${folder}/error.log`, "-p", folder, "-c", `${folder}/nginx.conf`])
  return yield* Effect.repeat(
    Effect.delay(
      Effect.sync(() => Fs.existsSync(socket)),
      "20 millis"
    ),
    {
      until: (isThere) => isThere
    }
  ).pipe(Effect.zipRight(relay(socket)))
})

/** nginx takes no port 0: a port of ours that leads to its socket. */
const relay = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { createServer, connect } = await import("node:net")
      return new Promise<Net.Server>((resolve) => {
        const server: Net.Server = createServer({ allowHalfOpen: true }, (socket) => {
          const inner = connect({ path, allowHalfOpen: true })
          for (const end of [socket, inner]) end.on("error", () => {})
          socket.pipe(inner).pipe(socket)
          socket.on("close", () => inner.destroy())
          inner.on("close", (failed) => (failed ? socket.resetAndDestroy() : socket.end()))
        }).listen(0, "127.0.0.1", () => resolve(server))
      })
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(Effect.map((server) => ({ host: "127.0.0.1", port: (server.address() as Net.AddressInfo).port })))
