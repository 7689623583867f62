import { randomUUID } from 'node:crypto'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import {
  decodeMemberResponse,
  encodeMemberRequest,
  FrameReader,
  frameMessage,
  fromInt64,
  MEMBERSHIP_PATH,
  type millrace,
  toInt64,
} from '@millrace/wire'
import type { Member } from '../harness/client.ts'

const MAX_MESSAGE_BYTES = 1_048_576
const HEARTBEAT = frameMessage(encodeMemberRequest({ heartbeat: {} }))

/** Members of consumer groups over one connection: the messages of the Membership stream and nothing else. */
export class MillraceMembers {
  private readonly url: string
  private session: ClientHttp2Session | undefined

  constructor(url: string) {
    this.url = url
  }

  async join(group: string, topic: string): Promise<Member> {
    this.session ??= connect(this.url)
    const stream = this.session.request({
      ':method': 'POST',
      ':path': MEMBERSHIP_PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const member = new MillraceMember(stream, topic)
    member.send({ join: { group, memberId: randomUUID(), topics: [topic] } })
    await member.joined
    return member
  }

  close(): void {
    this.session?.destroy()
  }
}

class MillraceMember implements Member {
  readonly joined: Promise<void>
  private readonly stream: ClientHttp2Stream
  private readonly topic: string
  private readonly reader = new FrameReader({ maxMessageBytes: MAX_MESSAGE_BYTES })
  private readonly waiting = new Map<number, { resolve(): void; reject(error: Error): void }>()
  private partitions: readonly number[] = []
  private commits = 0
  private wake = (): void => {}
  private hasJoined = (): void => {}
  private fail: (error: Error) => void = () => {}

  constructor(stream: ClientHttp2Stream, topic: string) {
    this.stream = stream
    this.topic = topic
    this.joined = new Promise((resolve, reject) => {
      this.hasJoined = resolve
      this.fail = reject
    })
    stream.on('data', (chunk: Buffer) => {
      this.reader.push(chunk)
      for (let message = this.reader.read(); message !== undefined; message = this.reader.read()) {
        this.receive(decodeMemberResponse(message))
      }
    })
    stream.on('close', () => this.broken(new Error('a membership ended')))
    stream.on('error', (error) => this.broken(error))
  }

  get owned(): number {
    return this.partitions.length
  }

  send(request: millrace.v1.MemberRequest.$Properties): void {
    this.stream.write(frameMessage(encodeMemberRequest(request)))
  }

  async settled(partitions: number): Promise<void> {
    while (this.partitions.length !== partitions) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  commit(offset: number): Promise<void> {
    const id = this.commits++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      const partition = this.partitions[0] ?? 0
      this.send({ commit: { id: toInt64(id), offsets: [{ topic: this.topic, partition, offset: toInt64(offset) }] } })
    })
  }

  heartbeat(): void {
    this.stream.write(HEARTBEAT)
  }

  private receive({ joined, assignment, committed }: millrace.v1.MemberResponse): void {
    if (joined !== null) this.hasJoined()
    if (assignment !== null) {
      this.partitions = assignment.partitions.flatMap(({ partitions }) => partitions)
      this.send({ owned: assignment })
      this.wake()
    }
    if (committed !== null) {
      const id = fromInt64(committed.id)
      const commit = this.waiting.get(id)
      this.waiting.delete(id)
      if (committed.error === null) commit?.resolve()
      else commit?.reject(new Error(committed.error.code))
    }
  }

  private broken(error: Error): void {
    this.fail(error)
    for (const commit of this.waiting.values()) commit.reject(error)
  }
}
