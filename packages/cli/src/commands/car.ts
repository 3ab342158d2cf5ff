/** `dagstore car …`: work on CAR files, as go-car's `car` command does it. */
import { type LazyCommand, lazyGroup } from './lazy.ts'

/** In the order of the help text; a command loads what it needs and no more. */
const COMMANDS: readonly LazyCommand[] = [
  { names: ['inspect'], load: async () => (await import('../car/inspect.ts')).addInspectCommand },
  { names: ['verify', 'v'], load: async () => (await import('../car/verify.ts')).addVerifyCommand },
  { names: ['list', 'l', 'ls'], load: async () => (await import('../car/list.ts')).addListCommand },
  { names: ['index', 'i'], load: async () => (await import('../car/wrap.ts')).addIndexCommand },
  { names: ['detach-index'], load: async () => (await import('../car/detach-index.ts')).addDetachIndexCommand },
  { names: ['wrap'], load: async () => (await import('../car/wrap.ts')).addWrapCommand },
  { names: ['extract', 'x'], load: async () => (await import('../car/extract.ts')).addExtractCommand },
  { names: ['get-block', 'gb'], load: async () => (await import('../car/get-block.ts')).addGetBlockCommand },
  { names: ['get-dag', 'gd'], load: async () => (await import('../car/get-dag.ts')).addGetDagCommand },
  { names: ['root'], load: async () => (await import('../car/root.ts')).addRootCommand },
]

export const CAR_COMMANDS: LazyCommand = lazyGroup('car', 'CAR files, version 1 and 2', COMMANDS)
