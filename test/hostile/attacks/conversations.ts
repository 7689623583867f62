import {
  decodeFetchStreamResponse,
  decodeMemberResponse,
  encodeFetchStreamRequest,
  encodeMemberRequest,
  FETCH_STREAM_PATH,
  MEMBERSHIP_PATH,
  toInt64,
} from '@millrace/wire'
import { type Attack, type AttackContext, pause } from '../attack.ts'
import { callRpc, withSessions } from '../callers.ts'

const OFFSETS = [0, 1, 5, 1_000_000, -1, -2, Number.MAX_SAFE_INTEGER]
const GRANTS = [1, 1_000, 1 << 20, 0, -1, Number.MAX_SAFE_INTEGER]
const NUMBERS = [0, 1, 2, 3, 4_294_967_295]

/** A stream of requests that follow from `seed`: partitions are added, moved, removed, given room, in any order. */
function wildRequests(seed: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const turn = seed * 31 + index * 7
    const subscription = NUMBERS[turn % NUMBERS.length] as number
    const offset = toInt64(OFFSETS[(turn >> 2) % OFFSETS.length] as number)
    const bytes = toInt64(GRANTS[(turn >> 1) % GRANTS.length] as number)
    const topic = ['good', 'lies', 'empty', 'no', ''][turn % 5] as string
    const partition = [0, 0, 0, 1, -1][turn % 5] as number
    const requests = [
      { add: { subscription, topic, partition, bytes, from: { offset } } },
      { seek: { subscription, from: { offset }, generation: index } },
      { remove: { subscription } },
      { grant: { subscription, bytes } },
      {},
    ]
    return encodeFetchStreamRequest(requests[(seed + index * 3) % requests.length] ?? {})
  })
}

const PATTERNS = ['(', '(a|aa)+$', 'a{1000}{1000}', '.*', '(.*)*\\1']

/** A member of one of many groups, and whether its connection stays. */
function wildJoin(
  id: string,
  number: number,
): readonly [join: NonNullable<Parameters<typeof encodeMemberRequest>[0]['join']>, stays: boolean] {
  const hasPattern = number % 11 === 0
  const join = {
    group: [`g${id}`, 'crowd', `g${number >> 4}`, `g${id}`, `g${number % 64}`, '\0', ''][number % 7] as string,
    memberId: `m${id}`,
    instanceId: number % 13 === 0 ? 'same' : '',
    // No two ask for the same.
    topics: hasPattern ? [] : ['good', 'empty', `no${id}`],
    topicPattern: hasPattern ? (PATTERNS[number % PATTERNS.length] as string) : '',
    sessionTimeoutMs: [1_800_000, 0, 1_000, 0, 2 ** 31 - 1][number % 5] as number,
    clientId: 'c'.repeat(number % 256),
  }
  return [join, number % 4 === 1]
}

function countJoined({ counts }: AttackContext): (message: Buffer) => void {
  return (message) => {
    if (decodeMemberResponse(message).joined) counts.add('members')
  }
}

/** What can be done in calls that go on. */
export const CONVERSATION_ATTACKS: readonly Attack[] = [
  {
    name: 'members',
    does: 'members without end, of groups without end',
    codes: [
      'LIMIT_REACHED',
      'INVALID_GROUP_NAME',
      'INVALID_SUBSCRIPTION',
      'INVALID_REQUEST',
      'INSTANCE_ID_IN_USE',
      'UNKNOWN_MEMBER',
      'STALE_MEMBER_EPOCH',
      'TIMED_OUT',
    ],
    run: (context) =>
      withSessions(context, 12, async (session, index) => {
        const one = async (lane: number): Promise<void> => {
          for (let number = 0; !context.signal.aborted && !session.destroyed; number++) {
            const [join, stays] = wildJoin(`${process.pid}-${index}-${lane}-${number}`, number)
            const messages = [encodeMemberRequest({ join }), encodeMemberRequest({ heartbeat: {} })]
            const call = callRpc(context, session, MEMBERSHIP_PATH, messages, {
              stays,
              onMessage: countJoined(context),
            })
            // Those that stay do so for as long as they may, as many of them as streams are to be had.
            if (stays) await pause(context.signal, 2)
            else await call
          }
        }
        await Promise.all(Array.from({ length: 16 }, (_, lane) => one(lane)))
      }),
  },
  {
    name: 'wild fetch streams',
    does: 'fetch streams that add, move, remove and give room without rhyme or reason',
    codes: ['INVALID_REQUEST', 'TOPIC_NOT_FOUND', 'PARTITION_NOT_FOUND', 'OFFSET_OUT_OF_RANGE', 'LIMIT_REACHED'],
    run: (context) =>
      withSessions(context, 4, async (session, index) => {
        const onMessage = (message: Buffer): void => {
          const { error } = decodeFetchStreamResponse(message)
          if (error?.code) context.counts.add(`code ${error.code}`)
        }
        for (let number = 0; !context.signal.aborted && !session.destroyed; number++) {
          const calls = Array.from({ length: 8 }, (_, lane) => {
            const requests = wildRequests(number * 8 + lane + index, 1 + ((number * 37 + lane * 11) % 60))
            return callRpc(context, session, FETCH_STREAM_PATH, requests, { stays: false, onMessage })
          })
          await Promise.race([Promise.all(calls), pause(context.signal, 100)])
          // What goes on by then is cut off with its connection.
          if (number % 5 === 4) return
        }
      }),
  },
  {
    name: 'waits',
    does: 'thousands of fetches that wait for data which never comes, by REST over HTTP/2',
    codes: ['LIMIT_REACHED'],
    run: (context) =>
      withSessions(context, 12, async (session) => {
        const path = '/v1/topics/empty/partitions/0/records?from=latest&waitMs=60000'
        const one = async (): Promise<void> => {
          while (!context.signal.aborted && !session.destroyed && !session.closed) {
            const stream = session.request({ ':path': path })
            let text = ''
            stream.setEncoding('utf8').on('data', (chunk: string) => {
              text += chunk
            })
            stream.on('error', () => {})
            await new Promise<void>((resolve) => stream.once('close', () => resolve()))
            context.counts.add('fetches')
            const [, code] = /"code":"([A-Z_]+)"/.exec(text) ?? []
            if (code !== undefined) context.counts.add(`code ${code}`)
            await pause(context.signal, 20)
          }
        }
        await Promise.all(Array.from({ length: 250 }, one))
      }),
  },
]
