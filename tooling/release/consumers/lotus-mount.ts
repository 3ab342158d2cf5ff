import { createBytesSource } from '@dagstore/io'
import { createPieceLoader, lotusMount, lotusUrl, PieceLoaderError, type PieceSource, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors } from '@dagstore/lotus-mount/node'
import { createMountRegistry } from '@dagstore/mounts'
import type { PieceStore } from '@dagstore/piece-store'
import type { CID } from 'multiformats/cid'

const own: PieceSource = {
  name: 'own',
  cost: 10,
  stat: async () => ({ unsealed: 'yes', pieceBytes: 127 }),
  open: async () => createBytesSource(new Uint8Array(127)),
}

export const firstUse = async (pieceStore: PieceStore, piece: CID): Promise<number> => {
  const loader = createPieceLoader([own, sectorPieceSource({ pieceStore, openSectorFile: localSectors(['/sectors']) })])
  try {
    const opened = await createMountRegistry([lotusMount(loader)]).resolve(lotusUrl(piece)).open()
    return opened.access === 'random' ? opened.source.sizeBytes : 0
  } catch (error) {
    if (error instanceof PieceLoaderError && error.code === 'PIECE_SEALED') return -1
    throw error
  }
}
