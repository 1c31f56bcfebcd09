/**
 * Text for people.
 *
 * @since 0.1.0
 */

/**
 * A text that is too long to show, by its beginning. By default for addresses: a full Base64 destination has hundreds of
 * characters, of which the first sixteen tell it from others; a b32 name is short enough.
 *
 * **Shape** `kept` characters and an ellipsis, if there are more than `limit`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const shorten = (text: string, limit = 64, kept = 16): string =>
  text.length > limit ? `${text.slice(0, kept)}…` : text
