/** `dagstore pieces …`: Filecoin pieces. */
import { type LazyCommand, lazyGroup } from './lazy.ts'

const COMMANDS: readonly LazyCommand[] = [
  { names: ['list-pieces'], load: async () => (await import('../pieces/lists.ts')).addListPiecesCommand },
  { names: ['list-cids'], load: async () => (await import('../pieces/lists.ts')).addListCidsCommand },
  { names: ['piece-info'], load: async () => (await import('../pieces/lists.ts')).addPieceInfoCommand },
  { names: ['cid-info'], load: async () => (await import('../pieces/lists.ts')).addCidInfoCommand },
  { names: ['commp'], load: async () => (await import('../pieces/commp.ts')).addCommpCommand },
]

export const PIECES_COMMANDS: LazyCommand = lazyGroup('pieces', 'Filecoin pieces', COMMANDS)
