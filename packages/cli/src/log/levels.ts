/** Levels of messages, and which of them a subsystem says. */

/** Least first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = typeof LOG_LEVELS[number]

/** Of whom messages come. */
export const LOG_SUBSYSTEMS = ['daemon', 'gateway', 'rpc', 'shards', 'pieces', 'deals', 'importmgr', 'client', 'migrate', 'gc', 'doctor'] as const
export type LogSubsystem = typeof LOG_SUBSYSTEMS[number]

export const isLevel = (text: string): text is LogLevel => LOG_LEVELS.some((level) => level === text)
export const isSubsystem = (text: string): text is LogSubsystem => LOG_SUBSYSTEMS.some((name) => name === text)

/** `info`, `info,rpc=debug`, `rpc=debug`; the level of each subsystem. `undefined`: none of these. @param others - where nothing is said */
export const parseLevels = (text: string, others: LogLevel = 'info'): ReadonlyMap<LogSubsystem, LogLevel> | undefined => {
  const levels = new Map<LogSubsystem, LogLevel>(LOG_SUBSYSTEMS.map((name) => [name, others]))
  const parts = text.split(',').map((part) => part.trim())
  for (const part of parts.filter((one) => !one.includes('='))) {
    if (!isLevel(part)) return undefined
    for (const name of LOG_SUBSYSTEMS) levels.set(name, part)
  }
  for (const part of parts.filter((one) => one.includes('='))) {
    const [name = '', level = ''] = part.split('=')
    if (!isSubsystem(name) || !isLevel(level)) return undefined
    levels.set(name, level)
  }
  return levels
}
