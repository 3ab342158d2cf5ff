import { describe, expect, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import type { Terminal } from '../src/terminal.ts'
import { withOptionsBehind } from '../src/leading-options.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

describe('dagstore', () => {
  it.each([
    { why: 'an unknown option', args: ['demo', '--no-such-option'] },
    { why: 'an unknown command', args: ['no-such-command'] },
    { why: 'a missing argument', args: ['car', 'inspect'] },
    { why: 'a group without a command', args: ['car'] },
    { why: 'no command at all', args: [] },
    { why: 'options without a command', args: ['--root', 'here', '--debug'] },
    { why: 'a miner that is no number', args: ['demo', '--miner', 'x', 'y'] },
    { why: 'nothing to chew on', args: ['demo'] },
  ])('exits with 2 and prints nothing on stdout for $why', async ({ args }) => {
    const run = await dagstore(await temporaryFolder(), args)
    expect(run.code).toBe(2)
    expect(run.stdout).toBe('')
    expect(run.stderr).not.toBe('')
  })

  it.each([['--help'], ['demo', '--help'], ['help', 'car'], ['--version']])('exits with 0 for %s %s', async (...args) => {
    const run = await dagstore(await temporaryFolder(), args.filter((arg) => arg !== undefined))
    expect(run.code).toBe(0)
    expect(run.stdout).not.toBe('')
  })

  it('says of every command how to use it', async () => {
    const cwd = await temporaryFolder()
    const terminal: Terminal = { stdout: () => {}, stderr: () => {}, interactive: false, colors: false, cwd, env: {}, signal: new AbortController().signal }
    for (const command of (await createProgram('all', terminal)).commands) {
      for (const names of command.commands.length === 0 ? [[command.name()]] : command.commands.map((child) => [command.name(), child.name()])) {
        const { code, stdout } = await dagstore(cwd, [...names, '--help'])
        expect({ code, begin: stdout.split(' ').slice(0, 2 + names.length).map((word) => word.replace(/\|.*/, '')) }).toEqual({ code: 0, begin: ['Usage:', 'dagstore', ...names] })
      }
    }
  })

  it.each([
    { args: ['--root', 'here', 'list-shards'], behind: ['list-shards', '--root', 'here'] },
    { args: ['--root=here', '--json', 'list-shards'], behind: ['list-shards', '--root=here', '--json'] },
    { args: ['--json', 'car', 'inspect', 'FILE'], behind: ['car', 'inspect', 'FILE', '--json'] },
    { args: ['--debug', 'add', '--', '--odd'], behind: ['add', '--debug', '--', '--odd'] },
    { args: ['--log-level', 'debug', 'daemon'], behind: ['daemon', '--log-level', 'debug'] },
    { args: ['--config', 'c.toml', '--listen=:1', '--log-format', 'json', 'daemon'], behind: ['daemon', '--config', 'c.toml', '--listen=:1', '--log-format', 'json'] },
    { args: ['--root', 'here'], behind: [] },
    { args: ['--api-info=here', '--json'], behind: [] },
    { args: ['--rot', 'here'], behind: ['here', '--rot'] },
    { args: ['--rot'], behind: ['--rot'] },
    { args: ['--version'], behind: ['--version'] },
    { args: ['list-shards', '--json'], behind: ['list-shards', '--json'] },
  ])('takes the options of all commands before the command too: $args', ({ args, behind }) => {
    expect(withOptionsBehind(args)).toEqual(behind)
  })

  it('shows what commands there are when only options were given', async () => {
    const { stdout, stderr } = await dagstore(await temporaryFolder(), ['--root', 'here'])
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^Usage: dagstore /)
    expect(stderr).not.toContain('unknown option')
  })

  it('says where it looked when there is no store, and makes none', async () => {
    const cwd = await temporaryFolder()
    expect(await dagstore(cwd, ['list-shards'])).toMatchObject({ code: 1, stdout: '', stderr: 'dagstore: no DAG store at .dagstore (use --root or DAGSTORE_PATH)\n' })
    expect(await dagstore(cwd, ['--root', 'here', 'list-shards'])).toMatchObject({ code: 1, stderr: 'dagstore: no DAG store at here (use --root or DAGSTORE_PATH)\n' })
    expect(await dagstore(cwd, ['list-shards'], { env: { DAGSTORE_PATH: 'there' } })).toMatchObject({ code: 1, stderr: 'dagstore: no DAG store at there (use --root or DAGSTORE_PATH)\n' })
    const { readdir } = await import('node:fs/promises')
    expect(await readdir(cwd)).toEqual([])
  })
})
