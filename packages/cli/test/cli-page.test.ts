import { expect, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import type { Terminal } from '../src/terminal.ts'
import { cliPage } from './cli-page.ts'

it('docs/cli.md lists each command with its arguments and options', async () => {
  const terminal: Terminal = { stdout: () => {}, stderr: () => {}, interactive: false, colors: false, cwd: '/', env: {}, signal: new AbortController().signal }
  await expect(cliPage(await createProgram('all', terminal))).toMatchFileSnapshot('../../../docs/cli.md')
})
