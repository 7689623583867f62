import type { Attack } from '../attack.ts'
import { CONTENT_ATTACKS } from './content.ts'
import { CONVERSATION_ATTACKS } from './conversations.ts'
import { HTTP1_ATTACKS } from './http1.ts'
import { HTTP2_ATTACKS } from './http2.ts'
import { TLS_ATTACKS } from './tls.ts'

/** Those for every port. */
export const ATTACKS: readonly Attack[] = [
  ...CONTENT_ATTACKS,
  ...CONVERSATION_ATTACKS,
  ...HTTP1_ATTACKS,
  ...HTTP2_ATTACKS.map((attack) => ({ ...attack, protocol: 'h2' as const })),
]

/** @throws Error for a name that no attack has */
export function attackNamed(name: string): Attack {
  const all = [...ATTACKS, ...TLS_ATTACKS]
  const found = all.find((attack) => attack.name === name)
  if (found === undefined) throw new Error(`attacks are ${all.map((attack) => attack.name).join(', ')}`)
  return found
}
