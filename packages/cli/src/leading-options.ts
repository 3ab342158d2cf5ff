/** Options of all commands may also stand before the command: `dagstore --root DIR list-shards`. */

/** Those with a value in the next argument. */
const WITH_VALUE = new Set(['--root', '--api-info'])
const OWN = new Set(['-h', '--help', '-V', '--version'])

/** The same command line with these options behind the command, before any `--`. What dagstore itself takes stays. */
export const withOptionsBehind = (args: readonly string[]): readonly string[] => {
  let at = 0
  while (at < args.length && isMoved(args[at])) at += WITH_VALUE.has(args[at] ?? '') ? 2 : 1
  const command = args.slice(at)
  // without a command there is nothing behind which they could stand
  if (at === 0 || command.length === 0) return args
  const terminator = command.indexOf('--')
  const end = terminator === -1 ? command.length : terminator
  return [...command.slice(0, end), ...args.slice(0, at), ...command.slice(end)]
}

const isMoved = (arg: string | undefined): boolean => arg !== undefined && arg.startsWith('--') && arg !== '--' && !OWN.has(arg)
