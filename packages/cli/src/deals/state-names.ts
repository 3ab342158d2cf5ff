/** Names of the states of storage deals, by Lotus's numbers. */
import { STORAGE_DEAL_STATES } from '@dagstore/deal-protocol'

export const DEAL_STATE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(STORAGE_DEAL_STATES).map(([name, number]) => [number, name]))
