import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import type { Terminal } from '../src/terminal.ts'

const pageOf = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
const titlesOf = (page: string): string[] => page.split('\n').filter((line) => /^## [a-z]/.test(line))
const page = pageOf('commands.md')
/** Of the client group, which has a page of its own. */
const clientPage = pageOf('client.md')

/** Said once for all commands, or by `help` alone. */
const COMMON = new Set(['--root', '--api-info', '--force', '--json', '--color', '--no-color', '--debug', '--verbose', '--miner'])

/** Described elsewhere: `car` beside the command that it resembles. */
const ELSEWHERE = new Set(['car', 'demo'])

const terminal: Terminal = { stdout: () => {}, stderr: () => {}, interactive: false, colors: false, cwd: '/', env: {}, signal: new AbortController().signal }

/** Commands that do something, by all of their names. */
const leaves = async (): Promise<ReadonlyMap<string, Command>> => new Map((await createProgram('all', terminal)).commands.flatMap((command) => command.commands.length === 0
  ? [[command.name(), command] as const]
  : command.commands.map((child) => [`${command.name()} ${child.name()}`, child] as const)))

describe('docs/commands.md and docs/client.md', () => {
  it('describes each command on a store, with its options', async () => {
    for (const [name, command] of await leaves()) {
      if (ELSEWHERE.has(name.split(' ')[0] ?? '') || name === 'pieces commp') continue
      const of = name.startsWith('client ') ? clientPage : page
      expect(titlesOf(of).join('\n'), name).toMatch(new RegExp(`[ ,]${name}\\b`))
      for (const { long, negate } of command.options) if (long !== undefined && long !== null && !COMMON.has(long) && !(negate === false && of.includes(long.replace('--', '--no-')))) expect(of, `${name} ${long}`).toContain(long)
    }
    for (const name of ['`demo`', '`pieces commp FILE`']) expect(page).toContain(name)
  })

  it('describes no command that is not there', async () => {
    const known = [...(await leaves()).keys()]
    const titled = [page, clientPage].flatMap(titlesOf).flatMap((line) => line.slice(3).split(', '))
    expect(titled.filter((title) => !known.some((name) => title === name || title.startsWith(`${name} `)))).toEqual([])
  })
})
