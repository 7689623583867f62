import type { DumpEntry, DumpedBatch, DumpedRecord } from '@millrace/server'
import { timeText } from './time-text.ts'

/** A line for people about something that `dump` came upon. */
export function dumpLine(entry: DumpEntry): string {
  switch (entry.kind) {
    case 'batch':
      return batchLine(entry)
    case 'record':
      return recordLine(entry)
    case 'index':
      return `at ${entry.position}  offset ${entry.offset}  byte ${entry.logPosition} of the log`
    case 'timeindex':
      return `at ${entry.position}  ${timeText(entry.timestamp)}  offset ${entry.offset}`
    case 'txnindex': {
      const { position, producerId, firstOffset, lastOffset, lastStableOffset } = entry
      return `at ${position}  producer ${producerId}  offsets ${firstOffset} to ${lastOffset} aborted  last stable ${lastStableOffset}`
    }
    case 'damage':
      return `DAMAGE at ${entry.position}: ${entry.message}`
  }
}

function batchLine(batch: DumpedBatch): string {
  const { baseOffset, lastOffset, baseTimestamp, maxTimestamp, producerId, deleteHorizonMs } = batch
  const times =
    baseTimestamp === maxTimestamp ? timeText(maxTimestamp) : `${timeText(baseTimestamp)} to ${timeText(maxTimestamp)}`
  const flags = [
    batch.codec === 'none' ? '' : batch.codec,
    batch.timestampType === 'LogAppendTime' ? 'LogAppendTime' : '',
    batch.isTransactional ? 'transactional' : '',
    batch.marker === undefined ? '' : `marker ${batch.marker}`,
    deleteHorizonMs === undefined ? '' : `compacted, tombstones go from ${timeText(deleteHorizonMs)} on`,
  ]
  return [
    `at ${batch.position}`,
    `${batch.sizeBytes} bytes`,
    `offsets ${baseOffset} to ${lastOffset}`,
    `records ${batch.recordCount}`,
    times,
    `epoch ${batch.leaderEpoch}`,
    producerId < 0 ? 'no producer' : `producer ${producerId}:${batch.producerEpoch} sequence ${batch.baseSequence}`,
    ...flags.filter((flag) => flag !== ''),
    `crc ${batch.crc.toString(16).padStart(8, '0')} ${batch.isCrcValid ? 'ok' : 'WRONG'}`,
  ].join('  ')
}

function recordLine({ offset, timestamp, key, value, headers }: DumpedRecord): string {
  const parts = [`  ${offset}`, timeText(timestamp), `key ${shown(key)}`, `value ${shown(value)}`]
  if (headers.length > 0)
    parts.push(
      `headers ${headers.map((header) => `${shown(Buffer.from(header.key))}=${shown(header.value)}`).join(' ')}`,
    )
  return parts.join('  ')
}

/** Text in quotes, as JSON has it; what is no UTF-8 shows its bad bytes as replacement characters. */
function shown(content: Buffer | null): string {
  return content === null ? 'null' : JSON.stringify(content.toString())
}
