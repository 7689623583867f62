/** The headers of one request. */
export const MAX_HEADER_BYTES = 16 * 1024
