import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds the root package.json. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** A failure that is told in one line, without a stack. */
export class Complaint extends Error {}
