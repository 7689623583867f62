import { DEFAULT_LIMITS, type Limits, silentLogger } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { Broker } from '../src/broker.ts'
import type { JoinRequest } from '../src/groups/group-types.ts'
import { TestMember } from './test-member.ts'

/** A broker over the memory engine, with a topic `orders`. */
export async function setUp({ partitions = 4, limits = {} }: { partitions?: number; limits?: Partial<Limits> } = {}) {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const messages: string[] = []
  const info = (_: object, message: string): void => {
    messages.push(message)
  }
  const open = async (): Promise<Broker> => {
    const logger = { ...silentLogger, info }
    const broker = new Broker({ engine, clock, limits: { ...DEFAULT_LIMITS, ...limits }, logger })
    await broker.open()
    return broker
  }
  const broker = await open()
  await broker.topics.create({ name: 'orders', partitions })
  const member = (request: Partial<JoinRequest> = {}) => new TestMember(broker.groups, request)
  const write = async (partition: number, records: number): Promise<void> => {
    const target = await broker.produce.target('orders', partition)
    for (let at = 0; at < records; at++) await target.append(batchOf(['x']), 'committed')
  }
  return { clock, engine, broker, groups: broker.groups, open, member, write, messages }
}

export function commitOf(offset: number, partition = 0, metadata = '') {
  return { topic: 'orders', partition, offset, metadata }
}
