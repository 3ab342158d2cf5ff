import { readdirSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { envName, FIELDS, KEYS } from '../src/config/keys.ts'
import { createProgram } from '../src/program.ts'
import type { Terminal } from '../src/terminal.ts'

const folder = new URL('../../../docs/operators/', import.meta.url)
const names = readdirSync(folder)
const textOf = (name: string): string => readFileSync(new URL(name, folder), 'utf8')

/** Lines of shell that call the command, by their words; comments taken away. */
const callsIn = (text: string): string[][] => [...text.matchAll(/(?:^|`|\/env )dagstore ([^`\n]*)/gm)].map(([, rest = '']) => rest.replace(/ #.*$/, '').trim().split(/\s+/))

const terminal: Terminal = { stdout: () => {}, stderr: () => {}, interactive: false, colors: false, cwd: '/', env: {}, signal: new AbortController().signal }

describe('docs/operators', () => {
  it('has a page for each system and one for the gateway, and units', () => {
    expect(names).toEqual(['boost.md', 'curio.md', 'dagstore-gateway.service', 'dagstore.service', 'gateway.md', 'lotus.md'])
    for (const name of ['boost.md', 'curio.md', 'lotus.md']) for (const part of ['## Three commands', '## What is read', '## How to undo it']) expect(textOf(name), name).toContain(part)
  })

  it.each(names)('%s calls commands with options that there are', async (name) => {
    const program = await createProgram('all', terminal)
    const calls = callsIn(textOf(name))
    expect(calls.length).toBeGreaterThan(0)
    for (const words of calls) {
      const find = (from: Command, word: string | undefined): Command | undefined => from.commands.find((one) => one.name() === word)
      const first = find(program, words[0])
      const command = first === undefined ? undefined : find(first, words[1]) ?? first
      expect(command, words.join(' ')).toBeDefined()
      for (const flag of words.filter((word) => word.startsWith('--'))) expect(command?.options.map(({ long }) => long), `${words.join(' ')}`).toContain(flag)
    }
  })

  it.each(names)('%s names keys and variables that there are', (name) => {
    const keys = new Set(FIELDS.map((field) => KEYS[field].name))
    const text = textOf(name)
    for (const [, key = ''] of text.matchAll(/`([A-Z][A-Za-z]+)(?:`| = )/g)) if (!/^(?:SELECT|Dagstore|Pieces|Market|Sealing|Sectors|Actor|GET)/.test(key)) expect(keys, key).toContain(key)
    const variables = new Set([...FIELDS.map((field) => envName(KEYS[field])), 'DAGSTORE_PATH', 'DAGSTORE_API_INFO'])
    for (const [variable] of text.matchAll(/\bDAGSTORE_[A-Z_]+\b/g)) expect(variables).toContain(variable)
  })
})
