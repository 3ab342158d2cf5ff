import { promote } from '@dagstore/promote-blockstore'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'

export const firstUse = (store: ReadBlockstore, owner: AsyncDisposable): Blockstore => promote(store, owner)
