#!/usr/bin/env node
/**
 * The `i2p` command.
 *
 * @since 0.1.0
 */
import * as Cli from "./Cli.js"
import * as Main from "./Main.js"

Main.run(Cli.main(process.argv.slice(2)))
