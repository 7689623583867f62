import type { ServerHttp2Stream } from 'node:http2'
import { MillraceError } from '@millrace/record'
import type { millrace } from '@millrace/wire'
import {
  decodeMemberRequest,
  encodeMemberResponse,
  errorToMessage,
  frameMessage,
  fromInt64,
  toInt64,
} from '@millrace/wire'

/** One membership stream, as the server sees it. */
export class FakeMember {
  readonly requests: millrace.v1.MemberRequest[] = []
  private readonly stream: ServerHttp2Stream
  private readonly end_: (error?: unknown) => void

  constructor(stream: ServerHttp2Stream, end: (error?: unknown) => void) {
    this.stream = stream
    this.end_ = end
  }

  get isOpen(): boolean {
    return !this.stream.destroyed
  }

  get join(): millrace.v1.Join | undefined {
    return this.requests[0]?.join ?? undefined
  }

  /** Requests of one kind, without the wrapping. */
  heard<Kind extends 'heartbeat' | 'owned' | 'commit' | 'leave'>(
    kind: Kind,
  ): NonNullable<millrace.v1.MemberRequest[Kind]>[] {
    return this.requests.flatMap((request) => request[kind] ?? []) as NonNullable<millrace.v1.MemberRequest[Kind]>[]
  }

  send(response: millrace.v1.MemberResponse.$Properties): void {
    if (this.isOpen) this.stream.write(frameMessage(encodeMemberResponse(response)))
  }

  joined(memberEpoch: number, sessionTimeoutMs = 45_000): void {
    const heartbeatIntervalMs = Math.floor(sessionTimeoutMs / 3)
    this.send({ joined: { memberId: this.join?.memberId ?? '', memberEpoch, heartbeatIntervalMs, sessionTimeoutMs } })
  }

  /** Has it own these of topic `t`. */
  assign(memberEpoch: number, ...partitions: number[]): void {
    this.send({ assignment: { memberEpoch, partitions: [{ topic: 't', partitions }] } })
  }

  /** Ends its stream. */
  end(error: MillraceError): void {
    this.end_(error)
  }

  /** Resets its stream. */
  cut(): void {
    this.stream.close(2)
  }
}

/** Groups of which each member has everything, without the rules of the real ones. */
export class FakeGroups {
  /** Streams, in the order in which they were joined. */
  readonly members: FakeMember[] = []
  /** Committed offsets, by `topic/partition`. */
  readonly offsets = new Map<string, number>()
  /** What becomes of a member that joins, besides; by default it is told that it has partition 0 of `t`. */
  onJoin: (member: FakeMember) => void = (member) => {
    member.joined(1)
    member.assign(1, 0)
  }
  /** What becomes of a commit. */
  onCommit: (member: FakeMember, commit: millrace.v1.MemberCommit) => 'store' | 'silent' | MillraceError = () => 'store'
  /** An error to answer a request for offsets with. */
  onFetchOffsets: () => MillraceError | undefined = () => undefined

  serve(stream: ServerHttp2Stream, end: (error?: unknown) => void): (bytes: Buffer) => void {
    const member = new FakeMember(stream, end)
    return (bytes) => {
      const request = decodeMemberRequest(bytes)
      member.requests.push(request)
      if (request.join) {
        this.members.push(member)
        this.onJoin(member)
      }
      if (request.commit) this.commit(member, request.commit)
      if (request.leave) end()
    }
  }

  /** The offsets of these partitions. @throws MillraceError what it was told to */
  fetchOffsets({ partitions }: millrace.v1.FetchOffsetsRequest): millrace.v1.FetchOffsetsResponse.$Properties {
    const error = this.onFetchOffsets()
    if (error !== undefined) throw error
    const offsets = partitions.flatMap(({ topic, partitions: numbers }) =>
      numbers.flatMap((partition) => {
        const offset = this.offsets.get(`${topic}/${partition}`)
        return offset === undefined ? [] : [{ topic, partition, offset: toInt64(offset) }]
      }),
    )
    return { offsets }
  }

  private commit(member: FakeMember, commit: millrace.v1.MemberCommit): void {
    const fate = this.onCommit(member, commit)
    if (fate === 'silent') return
    if (fate === 'store') {
      for (const { topic, partition, offset } of commit.offsets)
        this.offsets.set(`${topic}/${partition}`, fromInt64(offset))
    }
    const refused = fate instanceof MillraceError ? { error: errorToMessage(fate) } : {}
    member.send({ committed: { id: commit.id, ...refused } })
  }
}
