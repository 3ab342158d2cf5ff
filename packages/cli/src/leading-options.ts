/** Options of all commands may also stand before the command: `dagstore --root DIR list-shards`. */

/** Those with a value in the next argument; some are the daemon's alone. */
const WITH_VALUE = new Set(['--root', '--api-info', '--config', '--listen', '--log-level', '--log-format'])
/** Those that a command may still be missing behind. */
const OF_ALL = new Set(['--json', '--color', '--no-color', '--debug'])
const OWN = new Set(['-h', '--help', '-V', '--version'])

/** The same command line with these options behind the command, before any `--`. What dagstore itself takes stays. */
export const withOptionsBehind = (args: readonly string[]): readonly string[] => {
  let at = 0
  while (at < args.length && isMoved(args[at])) at += WITH_VALUE.has(args[at] ?? '') ? 2 : 1
  const command = args.slice(at)
  if (at === 0) return args
  // without a command there is nothing behind which they could stand, and that is what has to be told
  if (command.length === 0) return args.every((arg, n) => OF_ALL.has(arg) || WITH_VALUE.has(nameOf(arg)) || WITH_VALUE.has(args[n - 1] ?? '')) ? [] : args
  const terminator = command.indexOf('--')
  const end = terminator === -1 ? command.length : terminator
  return [...command.slice(0, end), ...args.slice(0, at), ...command.slice(end)]
}

const isMoved = (arg: string | undefined): boolean => arg !== undefined && arg.startsWith('--') && arg !== '--' && !OWN.has(arg)

const nameOf = (arg: string): string => arg.split('=', 1)[0] ?? ''
