import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runExamples, runWorkspaceExamples } from '../src/readme-examples.mjs'
import { readPackages } from '../src/workspace.mjs'

const packages = readPackages()
const folder = mkdtempSync(join(tmpdir(), 'dagstore-readme-test-'))
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

describe('the runner of README examples', () => {
  it('runs every js block, each in an empty working folder', async () => {
    const code = "import { readdirSync } from 'node:fs'\nif (readdirSync('.').length > 0) throw new Error('not empty')\n"
    expect(await runExamples(`\`\`\`js\n${code}\`\`\`\ntext\n\`\`\`js\n${code}\`\`\`\n`, folder)).toBe(2)
  })

  it.each([
    { why: 'throws', code: "throw new Error('no')\n" },
    { why: 'imports what is not installed', code: "import '@dagstore/ghost'\n" },
    { why: 'never settles', code: 'await new Promise(() => {})\n' },
    { why: 'is no JavaScript', code: 'const x: number = 1\n' },
  ])('fails when an example $why', async ({ code }) => {
    await expect(runExamples(`\`\`\`js\n${code}\`\`\`\n`, folder)).rejects.toMatchObject({ name: 'CommandError' })
  })

  it('fails when there is none', async () => {
    await expect(runExamples('# a\n', folder)).rejects.toThrow()
  })
})

describe('the example in the README of', () => {
  it.each([...packages.keys()])('%s runs on the built packages of its own closure', async (name) => {
    expect(await runWorkspaceExamples(packages, name)).toBeGreaterThan(0)
  })
})
