import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { SHARD_COMMANDS, START_COMMANDS } from '../src/commands/shards.ts'
import type { Terminal } from '../src/terminal.ts'

const page = readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8')

/** Said once for all commands, or by `help` alone. */
const COMMON = new Set(['--root', '--api-info', '--force', '--json', '--color', '--no-color', '--debug', '--verbose', '--miner'])

describe('docs/commands.md', () => {
  it('describes each command on a store, with its options', async () => {
    const program = new Command()
    const terminal: Terminal = { stdout: () => {}, stderr: () => {}, interactive: false, colors: false, cwd: '/', env: {}, signal: new AbortController().signal }
    for (const { load } of [...START_COMMANDS, ...SHARD_COMMANDS]) await (await load())(program, (command) => command, terminal, [])
    const titles = page.split('\n').filter((line) => line.startsWith('## ')).join('\n')
    const names = program.commands.map((command) => command.name())
    expect(names).toHaveLength(START_COMMANDS.length + SHARD_COMMANDS.length)
    for (const command of program.commands.filter((known) => known.name() !== 'demo')) {
      expect(titles, command.name()).toMatch(new RegExp(`[ ,]${command.name()}\\b`))
      for (const { long } of command.options) if (long !== undefined && long !== null && !COMMON.has(long)) expect(page, `${command.name()} ${long}`).toContain(long)
    }
    expect(page).toContain('`demo`')
  })

  it('describes no command that is not there', () => {
    const known = new Set([...START_COMMANDS, ...SHARD_COMMANDS].flatMap(({ names }) => names))
    const titled = page.split('\n').filter((line) => /^## [a-z]/.test(line)).flatMap((line) => line.slice(3).split(', ').map((part) => part.split(' ')[0]))
    expect(titled.filter((name) => !known.has(name ?? ''))).toEqual([])
  })
})
