/**
 * Commands on key files: `keygen` and `key`.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

const keyTypes = ["ed25519", "p256", "p384", "p521", "reddsa", "mldsa44", "mldsa65", "mldsa87"] as const

const keyForm = Options.choice("form", ["dat", "base64"]).pipe(
  Options.withPseudoName("dat|base64"),
  Options.withDescription("dat: of i2pd and Java I2P; base64: SAM's private key. Default dat"),
  Options.withDefault("dat" as const)
)

const keyFile = (name: string, what: string) => Args.text({ name }).pipe(Args.withDescription(what))

export const keygen = Command.make(
  "keygen",
  {
    ...Settings.options,
    type: Options.choice("type", keyTypes).pipe(
      Options.withDescription(
        "Signature type. Default ed25519, which every router takes; mldsa44 to 87 hardly any yet"
      ),
      Options.withDefault("ed25519" as const)
    ),
    form: keyForm,
    file: keyFile("file", "Where to store the keys.").pipe(Args.optional)
  },
  handle(() => import("../key/keygen.js"))
).pipe(
  Command.withDescription(
    "Makes a destination, stores its keys in a new file that only its owner may read, and prints its b32 address."
  )
)

export const keyShow = Command.make(
  "show",
  { ...Settings.options, file: keyFile("file", "A key file of either form. Default: --keys").pipe(Args.optional) },
  handle(() => import("../key/show.js"))
).pipe(Command.withDescription("What is public about a key file: addresses, types, until when it may sign."))

export const keyConvert = Command.make(
  "convert",
  {
    ...Settings.options,
    form: Options.choice("form", ["dat", "base64"]).pipe(
      Options.withPseudoName("dat|base64"),
      Options.withDescription("Form of the new file. Default: the one that the old file does not have"),
      Options.optional
    ),
    from: keyFile("from", "A key file of either form."),
    to: keyFile("to", "The new file.")
  },
  handle(() => import("../key/convert.js"))
).pipe(Command.withDescription("The same keys in another form: the .dat of i2pd and Java I2P, or the Base64 of SAM."))

export const keyOffline = Command.make(
  "offline",
  {
    ...Settings.options,
    expires: Options.text("expires").pipe(
      Options.withPseudoName("date"),
      Options.withDescription("Until when, as in 30d, 12h, 2027-01-15 or 2027-01-15T08:00Z (UTC)")
    ),
    type: Options.choice("type", keyTypes).pipe(
      Options.withDescription("Signature type of the transient key. Default ed25519"),
      Options.withDefault("ed25519" as const)
    ),
    form: keyForm,
    master: keyFile("master", "The file with the destination's own key."),
    to: keyFile("to", "The new file.")
  },
  handle(() => import("../key/offline.js"))
).pipe(
  Command.withDescription(
    "Keys that act for a destination until a date, so that its own key can be kept elsewhere. Java I2P takes them from any client, i2pd for tunnels of its own only."
  )
)

export const keyVanity = Command.make(
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
    form: keyForm,
    prefix: Args.text({ name: "prefix" }).pipe(
      Args.withDescription("What the b32 address shall start with: a to z, 2 to 7, at most ten of them.")
    ),
    file: keyFile("file", "Where to store the keys. Default: --keys").pipe(Args.optional)
  },
  handle(() => import("../key/vanity.js"))
).pipe(
  Command.withDescription(
    "Searches for a destination whose b32 address starts with a prefix; each letter takes 32 times as long. Five take a minute or so."
  )
)

export const key = Command.make("key").pipe(
  Command.withDescription("Key files: show, convert, make offline packages, search for addresses."),
  Command.withSubcommands([keyShow, keyConvert, keyOffline, keyVanity])
)
