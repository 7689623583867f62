import { Broker } from '@millrace/broker'
import { createMemoryEngine, ManualClock } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeGroups } from '../../test/fake-groups.ts'
import { PROTOCOLS, type RestServer, restApp, serveRest } from '../../test/rest-harness.ts'

describe.each(PROTOCOLS)('consumer groups over %s', (protocol) => {
  let rest: RestServer
  let groups: FakeGroups

  beforeEach(async () => {
    const clock = new ManualClock(1_000)
    groups = new FakeGroups()
    const broker = Object.assign(new Broker({ engine: createMemoryEngine({ clock }), clock }), { groups })
    rest = await serveRest(await restApp({ broker: broker as unknown as Broker, clock }), protocol)
  })
  afterEach(() => rest.close())

  const post = (path: string, body: unknown) => rest.ask('POST', path, { body })

  test('are listed', async () => {
    const { status, json } = await rest.ask('GET', '/v1/groups')
    expect(status).toBe(200)
    expect(json).toEqual({ groups: [{ name: 'g', state: 'stable', members: 1, epoch: 7 }] })
  })

  test('are described; what there is not is left out', async () => {
    const { status, json } = await rest.ask('GET', '/v1/groups/g')
    expect(status).toBe(200)
    expect(json).toEqual({
      name: 'g',
      state: 'stable',
      epoch: 7,
      assignor: 'uniform',
      members: [
        {
          memberId: 'm1',
          clientId: 'host-1',
          epoch: 7,
          topics: ['t'],
          owned: [{ topic: 't', partitions: [0] }],
          target: [{ topic: 't', partitions: [0, 1] }],
        },
        { memberId: 'm2', instanceId: 'i2', clientId: '', epoch: 6, topicPattern: 't.*', owned: [], target: [] },
      ],
      partitions: [
        {
          topic: 't',
          partition: 0,
          memberId: 'm1',
          committedOffset: 5,
          metadata: 'note',
          logStartOffset: 1,
          highWatermark: 9,
          lag: 4,
        },
        { topic: 't', partition: 1, logStartOffset: 0, highWatermark: 3 },
      ],
    })
  })

  test('may have any name', async () => {
    const name = 'a/b ü?%'
    expect((await rest.ask('GET', `/v1/groups/${encodeURIComponent(name)}`)).json.name).toBe(name)
    expect((await rest.ask('DELETE', `/v1/groups/${encodeURIComponent(name)}`)).status).toBe(204)
    expect(groups.deleted).toEqual([name])
  })

  test.each([
    ['GET', '/v1/groups/none', undefined],
    ['DELETE', '/v1/groups/none', undefined],
    ['GET', '/v1/groups/none/offsets', undefined],
    ['POST', '/v1/groups/none/offsets', { offsets: [{ topic: 't', partition: 0, offset: 1 }] }],
    ['POST', '/v1/groups/none/offsets/reset', { to: { latest: true } }],
  ])('%s %s answers with the problem', async (method, path, body) => {
    const { status, json } = await rest.ask(method, path, { body })
    expect({ status, code: json.code }).toEqual({ status: 404, code: 'GROUP_NOT_FOUND' })
  })

  test('tell their offsets', async () => {
    const { json } = await rest.ask('GET', '/v1/groups/g/offsets')
    expect(json).toEqual({
      offsets: [{ topic: 't', partition: 0, offset: 5, metadata: 'note', committedAtMs: 1_000 }],
    })
    await rest.ask('GET', '/v1/groups/g/offsets?pending=allow')
    expect(groups.asked).toEqual([{ allowPending: false }, { allowPending: true }])
    expect((await rest.ask('GET', '/v1/groups/g/offsets?pending=yes')).status).toBe(400)
  })

  test('take offsets from outside', async () => {
    const offsets = [
      { topic: 't', partition: 0, offset: 2 ** 40, metadata: 'x' },
      { topic: 't', partition: 1, offset: 0 },
    ]
    expect((await post('/v1/groups/g/offsets', { offsets })).status).toBe(204)
    expect(groups.commits).toEqual([
      { group: 'g', offsets: [offsets[0], { ...offsets[1], metadata: '' }], member: undefined },
    ])
  })

  test.each([
    [{ earliest: true }, { at: 'earliest' }],
    [{ latest: true }, { at: 'latest' }],
    [{ offset: 7 }, { offset: 7 }],
    [{ timestamp: 7 }, { timestampMs: 7 }],
    [{ shift: -7 }, { shift: -7 }],
  ])('have their offsets reset to %j', async (to, meant) => {
    const { status, json } = await post('/v1/groups/g/offsets/reset', { to })
    expect(status).toBe(200)
    expect(json).toEqual({
      offsets: [
        { topic: 't', partition: 0, before: 5, after: 0 },
        { topic: 't', partition: 1, after: 3 },
      ],
    })
    const partitions = [{ topic: 't', partitions: [1] }]
    await post('/v1/groups/g/offsets/reset', { to, partitions, dryRun: true, force: true })
    expect(groups.resets).toEqual([
      { group: 'g', to: meant, partitions: undefined, dryRun: false, force: false },
      { group: 'g', to: meant, partitions, dryRun: true, force: true },
    ])
  })

  test.each([
    ['/v1/groups/g/offsets', {}, 'offsets'],
    ['/v1/groups/g/offsets', { offsets: [] }, 'offsets must not be empty'],
    ['/v1/groups/g/offsets', { offsets: [{ topic: 't', partition: -1, offset: 0 }] }, 'offsets/0/partition'],
    ['/v1/groups/g/offsets', { offsets: [{ topic: 't', partition: 0, offset: 0.5 }] }, 'offsets/0/offset'],
    ['/v1/groups/g/offsets', { offsets: [{ topic: 't', partition: 0, offset: 0, meta: '' }] }, 'meta'],
    ['/v1/groups/g/offsets/reset', {}, 'to'],
    ['/v1/groups/g/offsets/reset', { to: { earliest: false } }, 'to/earliest must be true'],
    [
      '/v1/groups/g/offsets/reset',
      { to: { earliest: true, offset: 1 } },
      'to must have exactly one of earliest, latest, offset, timestamp, shift',
    ],
    [
      '/v1/groups/g/offsets/reset',
      { to: {} },
      'to must have exactly one of earliest, latest, offset, timestamp, shift',
    ],
    ['/v1/groups/g/offsets/reset', { to: { start: true } }, 'earliest, latest, offset, timestamp, shift'],
    ['/v1/groups/g/offsets/reset', { to: 'earliest' }, 'to must be an object'],
    ['/v1/groups/g/offsets/reset', { to: { latest: true }, dryrun: true }, 'dryRun'],
  ])('%s refuses %j and says what is wrong', async (path, body, said) => {
    const { status, json } = await post(path, body)
    expect({ status, code: json.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' })
    expect(json.detail).toContain(said)
    expect([...groups.commits, ...groups.resets]).toEqual([])
  })
})
