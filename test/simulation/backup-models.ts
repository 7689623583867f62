import assert from 'node:assert/strict'
import type { Engine } from '@millrace/engine'
import { type Disk, readFile } from '@millrace/log'
import type { Counts } from './counts.ts'
import type { PartitionModel } from './partition-model.ts'
import { readPartition } from './stored-partition.ts'
import type { TopicModels } from './topic-models.ts'

/** A backup that somebody asked for, and what it owes if it is there. */
export interface BackupModel {
  readonly name: string
  readonly partitions: readonly PartitionModel[]
  isAnswered: boolean
}

export interface BackupPlaces {
  readonly disk: Disk
  /** Where the engine puts backups, and where they are copied to. */
  readonly from: string
  readonly to: string
}

/** Backups that were made in the life that ended: each is copied, opened and held against what was there before it. */
export class BackupModels {
  private readonly places: BackupPlaces
  private asked: BackupModel[] = []
  private count = 0

  constructor(places: BackupPlaces) {
    this.places = places
  }

  begin(models: TopicModels): BackupModel {
    const partitions = models.partitions().map((partition) => partition.copy())
    const model = { name: `backup-${this.count++}`, partitions, isAnswered: false }
    this.asked.push(model)
    return model
  }

  /** @param open opens the data directory of that path, and checks its files before */
  async check(
    models: TopicModels,
    open: (dataDir: string) => Promise<Engine>,
    { nowMs, counts }: { readonly nowMs: number; readonly counts: Counts },
  ): Promise<void> {
    const { disk, from, to } = this.places
    const { asked } = this
    this.asked = []
    const there = await disk.list(from).catch((): string[] => [])
    for (const name of there)
      assert(
        asked.some((backup) => backup.name === name),
        `${name} was left of a backup`,
      )
    for (const { name, partitions, isAnswered } of asked) {
      if (!there.includes(name)) {
        assert(!isAnswered, `backup ${name} is lost`)
        continue
      }
      // A power cut may have brought the one before back.
      await disk.remove(to)
      await copyDirectory(disk, `${from}/${name}`, to)
      const engine = await open(to)
      const found = new Set((await engine.topics.list()).map(({ id }) => id))
      for (const partition of partitions) {
        const { id, name: topic } = partition.topic
        assert(found.has(id) || models.mayBeGone(id), `backup ${name} is without topic ${topic}`)
        if (found.has(id)) partition.check(await readPartition(engine.partition(id, partition.index), 3_000), nowMs)
      }
      await engine.close()
      await disk.remove(to)
      await disk.remove(`${from}/${name}`)
      await disk.syncDirectory(from)
      counts['backups opened']++
    }
  }
}

async function copyDirectory(disk: Disk, from: string, to: string): Promise<void> {
  await disk.makeDirectory(to)
  for (const name of await disk.list(from)) {
    const bytes = await readFile(disk, `${from}/${name}`).catch(() => undefined)
    if (bytes === undefined) {
      await copyDirectory(disk, `${from}/${name}`, `${to}/${name}`)
      continue
    }
    const file = await disk.open(`${to}/${name}`, { create: true })
    await file.writev([bytes], 0)
    await file.close()
  }
}
