import { seededRandom } from '@millrace/testkit'
import { decodeMemberRequest, encodeMemberRequest, UNARY } from '@millrace/wire'
import { expect, test } from 'vitest'
import { mutateFields } from '../../test/mutated-fields.ts'

test('most messages that were changed in their fields can still be decoded, and differ', () => {
  const random = seededRandom(6)
  const join = { group: 'g', memberId: 'm', topics: ['t'], sessionTimeoutMs: 1_000 }
  const messages = [
    [encodeMemberRequest({ join }), decodeMemberRequest],
    [UNARY.createTopic.encodeRequest({ name: 'c', partitions: 1 }), UNARY.createTopic.decodeRequest],
  ] as const
  let [decoded, differ] = [0, 0]
  for (let count = 0; count < 2_000; count++) {
    const [message, decode] = messages[count % 2]!
    const changed = mutateFields(message, random)
    if (!changed.equals(message)) differ++
    try {
      decode(changed)
      decoded++
    } catch {
      // Some are no longer messages.
    }
  }
  expect(decoded).toBeGreaterThan(1_000)
  expect(differ).toBeGreaterThan(1_800)
})
