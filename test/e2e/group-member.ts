import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import { onTestFinished } from 'vitest'
import { GrpcFailure, grpcClient, type Message } from './grpc.ts'

/** A member of a consumer group by @grpc/grpc-js and the .proto files alone. It takes up whatever it is assigned. */
export class GroupMember {
  readonly memberId: string
  epoch = 0
  /** What it owns, as `topic/partition`, sorted. */
  owned: string[] = []
  /** What it was told, in order. */
  readonly events: Message[] = []
  /** What its call ended with; undefined: well. */
  readonly outcome: Promise<GrpcFailure | undefined>
  private readonly stream: ClientDuplexStream<Message, Message>
  private readonly waiting = new Map<string, (answer: Message) => void>()
  private wakes: (() => void)[] = []
  private commits = 0

  constructor(url: string, join: Message, before?: GroupMember) {
    const client = grpcClient(url, 'Groups')
    onTestFinished(() => client.close())
    this.memberId = before?.memberId ?? randomUUID()
    this.epoch = before?.epoch ?? 0
    this.owned = before?.owned ?? []
    this.stream = (client as Message).membership()
    this.stream.on('data', (event: Message) => this.receive(event))
    this.outcome = new Promise((resolve) => {
      this.stream.on('error', (error: ServiceError) => resolve(new GrpcFailure(error)))
      this.stream.on('end', () => resolve(undefined))
    })
    const { memberId, epoch, owned } = this
    this.send({ join: { memberId, memberEpoch: epoch, owned: partitionsOf(owned), ...join } })
  }

  send(request: Message): void {
    this.stream.write(request)
  }

  /** Waits until it owns exactly these. */
  owns(...partitions: readonly string[]): Promise<void> {
    const wanted = String([...partitions].sort())
    return this.until(() => String(this.owned) === wanted)
  }

  /** Waits until it has joined. */
  joined(): Promise<void> {
    return this.until(() => this.events.length > 0)
  }

  /** Waits until `condition` holds, which is looked at whenever it is told something. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.wakes.push(resolve))
  }

  /** Commits, and gives the code of the error, or undefined. */
  async commit(topic: string, partition: number, offset: number, metadata = ''): Promise<string | undefined> {
    const id = String(++this.commits)
    const answer = new Promise<Message>((resolve) => this.waiting.set(id, resolve))
    this.send({ commit: { id, offsets: [{ topic, partition, offset, metadata }] } })
    return (await answer).error?.code
  }

  async leave(): Promise<void> {
    this.send({ leave: {} })
    const failure = await this.outcome
    if (failure !== undefined) throw failure
  }

  /** Breaks the connection. */
  async cut(): Promise<void> {
    this.stream.cancel()
    await once(this.stream, 'close').catch(() => {})
  }

  private receive(event: Message): void {
    this.events.push(event)
    if (event.joined) this.epoch = event.joined.memberEpoch
    else if (event.committed) this.waiting.get(event.committed.id)?.(event.committed)
    else {
      const { memberEpoch, partitions } = event.assignment
      this.epoch = memberEpoch
      this.owned = partitions
        .flatMap((one: Message) => one.partitions.map((partition: number) => `${one.topic}/${partition}`))
        .sort()
      this.send({ owned: { memberEpoch, partitions } })
    }
    for (const wake of this.wakes.splice(0)) wake()
  }
}

function partitionsOf(names: readonly string[]): Message[] {
  return names.map((name) => {
    const [topic, partition] = name.split('/')
    return { topic, partitions: [Number(partition)] }
  })
}
