/**
 * The command as a function, and what it needs: for tests, and for programs that run it inside themselves.
 *
 * @since 0.1.0
 */
export * as Cli from "./Cli.js"
export * as Commands from "./Commands.js"
export * as Main from "./Main.js"
export * as ExitStatus from "./output/ExitStatus.js"
export * as Failure from "./output/Failure.js"
export * as Output from "./output/Output.js"
