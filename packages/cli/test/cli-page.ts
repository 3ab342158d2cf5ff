/** The page of all commands, made from the tree of commands itself. */
import type { Argument, Command, Option } from 'commander'

/** Said once, at the top. */
const COMMON: ReadonlySet<string> = new Set(['--json', '--color', '--no-color', '--debug', '--help'])

const HEAD = `# Commands and options

Generated from the commands themselves; \`npm test -- --project cli -u\` writes it anew. What commands do and print is in
[commands.md](commands.md) and [client.md](client.md).

Each command has \`--json\` (one JSON document on stdout), \`--color\` and \`--no-color\` (colours even where stdout is no terminal; none),
\`--debug\` (stack traces with errors) and \`-h\`, \`--help\`. A group's commands are called by both names, as \`dagstore car list FILE\`.
`

export const cliPage = (program: Command): string => {
  const parts: string[] = [HEAD]
  let group: string | undefined
  for (const command of program.commands) {
    const title = command.helpGroup().replace(/:$/, '')
    if (title !== group) parts.push(`\n## ${group = title}\n`)
    if (command.commands.length === 0) parts.push(section(command, 'dagstore'))
    for (const child of command.commands) parts.push(section(child, `dagstore ${command.name()}`))
  }
  return parts.join('')
}

const section = (command: Command, parent: string): string => {
  const args = command.registeredArguments
  const names = [parent, command.name(), ...args.map(placeOf)].join(' ')
  const aliases = command.aliases()
  const rows = [
    ...args.filter(({ description }) => description !== '').map((argument) => [`\`${argument.name()}\``, withDefault(argument.description, argument)]),
    ...command.options.filter(({ long, hidden }) => !hidden && !COMMON.has(long ?? '')).map((option) => [`\`${option.flags}\``, `${withDefault(option.description, option)}${option.mandatory ? ' (required)' : ''}`]),
  ]
  const table = rows.length === 0 ? '' : `\n| | |\n| --- | --- |\n${rows.map((cells) => `| ${cells.map(escaped).join(' | ')} |\n`).join('')}`
  return `\n### ${names}\n\n${capital(command.description())}.${aliases.length > 0 ? ` Also: \`${aliases.join('`, `')}\`.` : ''}\n${table}`
}

const placeOf = (argument: Argument): string => {
  const name = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`
  return argument.required ? name : `[${name}]`
}

const withDefault = (description: string, { argChoices, defaultValue, defaultValueDescription }: Argument | Option): string => {
  const notes = [
    ...(argChoices === undefined ? [] : [argChoices.join(', ')]),
    ...(defaultValue === undefined ? [] : [`default: ${defaultValueDescription ?? String(defaultValue)}`]),
  ]
  return `${description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('*', '\\*')
