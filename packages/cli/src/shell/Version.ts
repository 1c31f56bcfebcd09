/**
 * The version of the command, as in its package.json, which a test holds it to.
 *
 * @since 0.1.0
 * @category constants
 */
export const version = "0.1.0"
