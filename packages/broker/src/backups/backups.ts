import type { Backup, Engine } from '@millrace/engine'
import { type Clock, MillraceError } from '@millrace/record'

/** Copies of all that an engine keeps. */
export class Backups {
  private readonly engine: Engine
  private readonly clock: Clock

  constructor({ engine, clock }: { readonly engine: Engine; readonly clock: Clock }) {
    this.engine = engine
    this.clock = clock
  }

  /**
   * Copies all that is committed at one moment; when it returns, the copy is on disk.
   * @param name of 1 to 100 letters, digits, `.`, `_` and `-`. Default: the time
   * @throws MillraceError INVALID_REQUEST (the name), BACKUP_EXISTS, STORAGE_FAILED, DISK_FULL, SHUTTING_DOWN;
   *   UNIMPLEMENTED where the engine keeps nothing that could be copied
   */
  async create(name: string | undefined): Promise<Backup> {
    const { backups } = this.engine
    if (backups === undefined) {
      throw new MillraceError('UNIMPLEMENTED', 'this server keeps nothing on disk that a backup could be made of')
    }
    return backups.create(name ?? new Date(this.clock.nowMs()).toISOString().replaceAll(/[:.]/g, '-'))
  }
}
