/**
 * @since 0.1.0
 */
export * as Echo from "./echo.js"
