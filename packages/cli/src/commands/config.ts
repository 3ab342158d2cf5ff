/** `dagstore config …` and `dagstore auth …`. */
import { type LazyCommand, lazyGroup } from './lazy.ts'

export const CONFIG_COMMANDS: LazyCommand = lazyGroup('config', 'settings of the daemon', [
  { names: ['default'], load: async () => (await import('../config/command.ts')).addConfigDefaultCommand },
  { names: ['effective'], load: async () => (await import('../config/command.ts')).addConfigEffectiveCommand },
])

export const AUTH_COMMANDS: LazyCommand = lazyGroup('auth', 'tokens for those who ask the daemon', [
  { names: ['create-token'], load: async () => (await import('../auth/create-token.ts')).addCreateTokenCommand },
])
