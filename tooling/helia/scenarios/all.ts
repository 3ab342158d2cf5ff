import { BITSWAP } from './bitswap.ts'
import { BROKERING } from './brokering.ts'
import { DEALS } from './deals.ts'
import { GATEWAY } from './gateway.ts'
import { IPFS } from './ipfs.ts'
import { READING } from './reading.ts'
import { makeDag, type Test } from './world.ts'

export const TESTS: readonly Test[] = [...READING, ...BROKERING, ...BITSWAP, ...GATEWAY, ...IPFS, ...DEALS]
export { makeDag }
