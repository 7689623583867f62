import type { Attack } from '../attack.ts'
import { HTTP1_ATTACKS } from './http1.ts'
import { HTTP2_ATTACKS } from './http2.ts'

export const ATTACKS: readonly Attack[] = [...HTTP1_ATTACKS, ...HTTP2_ATTACKS]

/** @throws Error for a name that no attack has */
export function attackNamed(name: string): Attack {
  const found = ATTACKS.find((attack) => attack.name === name)
  if (found === undefined) throw new Error(`attacks are ${ATTACKS.map((attack) => attack.name).join(', ')}`)
  return found
}
