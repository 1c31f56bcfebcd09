/**
 * The command `key` and its subcommands.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as KeyOptions from "../key/KeyOptions.js"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"
import * as Tree from "../shell/Tree.js"

const keyShow = Command.make(
  "show",
  {
    ...Settings.options,
    file: KeyOptions.file("file", "A key file of either form. Default: --keys").pipe(Args.optional)
  },
  handle(() => import("../key/show.js"))
).pipe(Command.withDescription("Show the public part of a key file: addresses, types, expiry."))

const keyConvert = Command.make(
  "convert",
  {
    ...Settings.options,
    form: Options.choice("form", ["dat", "base64"]).pipe(
      Options.withPseudoName("dat|base64"),
      Options.withDescription("Form of the new file. Default: the one that the old file does not have"),
      Options.optional
    ),
    from: KeyOptions.file("from", "A key file of either form."),
    to: KeyOptions.file("to", "The new file.")
  },
  handle(() => import("../key/convert.js"))
).pipe(Command.withDescription("Convert a key file: between the .dat of i2pd and Java I2P and the Base64 of SAM."))

const keyOffline = Command.make(
  "offline",
  {
    ...Settings.options,
    expires: Options.text("expires").pipe(
      Options.withPseudoName("date"),
      Options.withDescription("Expiry date, such as 30d, 12h, 2027-01-15 or 2027-01-15T08:00Z (UTC)")
    ),
    type: Options.choice("type", KeyOptions.types).pipe(
      Options.withDescription("Signature type of the transient key. Default ed25519"),
      Options.withDefault("ed25519" as const)
    ),
    form: KeyOptions.form,
    master: KeyOptions.file("master", "The file with the destination's own key."),
    to: KeyOptions.file("to", "The new file.")
  },
  handle(() => import("../key/offline.js"))
).pipe(
  Command.withDescription(
    "Make offline keys that act for a destination until a date. Its own key can then be kept elsewhere. Java I2P accepts them from any client, i2pd only for its own tunnels."
  )
)

const keyVanity = Command.make(
  "vanity",
  {
    ...Settings.options,
    type: Options.choice("type", ["ed25519", "p256", "p384", "p521", "reddsa"]).pipe(
      Options.withDescription("Signature type. Default ed25519"),
      Options.withDefault("ed25519" as const)
    ),
    threads: Options.integer("threads").pipe(
      Options.withDescription("Threads to search with. Default: one for each processor"),
      Options.optional
    ),
    form: KeyOptions.form,
    prefix: Args.text({ name: "prefix" }).pipe(
      Args.withDescription("The first characters of the b32 address: a to z, 2 to 7, at most ten.")
    ),
    file: KeyOptions.file("file", "Where to store the keys. Default: --keys").pipe(Args.optional)
  },
  handle(() => import("../key/vanity.js"))
).pipe(
  Command.withDescription(
    "Search for a destination whose b32 address starts with a prefix. Each letter takes 32 times as long; five take about a minute."
  )
)

/**
 * The command `i2p key`.
 *
 * @category commands
 * @since 0.1.0
 */
export const key = Tree.group(
  Command.make("key").pipe(
    Command.withDescription("Manage key files: show, convert, make offline keys, search for addresses.")
  ),
  [keyShow, keyConvert, keyOffline, keyVanity]
)
