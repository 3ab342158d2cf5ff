/** `dagstore pieces …`: Filecoin pieces. */
import { type LazyCommand, lazyGroup } from './lazy.ts'

const COMMANDS: readonly LazyCommand[] = [
  { names: ['commp'], load: async () => (await import('../pieces/commp.ts')).addCommpCommand },
]

export const PIECES_COMMANDS: LazyCommand = lazyGroup('pieces', 'Filecoin pieces', COMMANDS)
