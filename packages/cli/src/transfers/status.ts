/** Lotus's statuses of data transfers, by name and by number. */
import { DATA_TRANSFER_STATUSES, type DataTransferStatus } from '@dagstore/lotus-api'

export const STATUS: Readonly<Record<DataTransferStatus, number>> =
  Object.freeze(Object.fromEntries(DATA_TRANSFER_STATUSES.map((name, number) => [name, number])) as Record<DataTransferStatus, number>)

export const showStatus = (status: number): string => DATA_TRANSFER_STATUSES[status] ?? String(status)
