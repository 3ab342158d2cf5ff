import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { failuresOf, inFull, inShort } from '../../../.ci/failures.mjs'

const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
const reporter = fileURLToPath(new URL('../failures.ts', import.meta.url))

const emptyFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'failures-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const runTests = async (files: Record<string, string>): Promise<string> => {
  const folder = emptyFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const file = join(folder, 'failures')
  const args = [vitest, 'run', '--root', folder, '--config', 'none.config.ts', '--globals', '--reporter', reporter]
  writeFileSync(join(folder, 'none.config.ts'), 'export default {}\n')
  await new Promise((resolve) => execFile(process.execPath, args, { env: { ...process.env, DAGSTORE_FAILURES: file } }, resolve))
  return readFileSync(file, 'utf8')
}

const noOutput = { stdout: '', output: '' }

it('each failed test is told with its file, its title and what was wrong with it; also a file that does not load, and a hook', async () => {
  const text = await runTests({
    'sums.test.js': "describe('sums', () => { it('are right', () => {}); it('are wrong', () => { expect({ a: 1 }).toEqual({ a: 2 }) }) })",
    'broken.test.js': "throw new TypeError('does not load')",
    'hook.test.js': "describe('with a hook', () => { beforeAll(() => { throw new Error('no set-up') }); it('is not reached', () => {}) })",
  })
  const file = join(emptyFolder(), 'failures')
  writeFileSync(file, `${text}{"title":"a run that was ki`)
  const failures = failuresOf({ file, ...noOutput })
  expect(failures.map(({ title }) => title.trim()).sort()).toEqual(['broken.test.js', 'hook.test.js > with a hook', 'sums.test.js > sums > are wrong'])
  const byTitle = new Map(failures.map(({ title, lines }) => [title.trim(), lines.join('\n')]))
  expect(byTitle.get('sums.test.js > sums > are wrong')).toMatch(/expected \{ a: 1 \} to deeply equal \{ a: 2 \}[^]*"a": 2[^]*sums\.test\.js:1:\d+/)
  expect(byTitle.get('broken.test.js')).toContain('does not load')
  expect(byTitle.get('hook.test.js > with a hook')).toContain('no set-up')
})

it('the lines of a check that prints one for each thing say what failed, and what stands below them why', () => {
  const stdout = 'ok   carv2 pack 12 files\nFAIL carv2 budget\n    packages: max=3 got=4\n    KiB: max=30 got=40\nok   dag pack 9 files\nFAIL dag budget: too much\n1 passed, 2 failed, 0 skipped\n'
  expect(failuresOf({ file: join(emptyFolder(), 'none'), stdout, output: stdout })).toEqual([
    { title: 'carv2 budget', lines: ['packages: max=3 got=4', 'KiB: max=30 got=40'] },
    { title: 'dag budget: too much', lines: [] },
  ])
})

it('of any other check, its last lines are told', () => {
  const failures = failuresOf({ file: join(emptyFolder(), 'none'), stdout: '', output: `${Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join('')}\nerror TS2304\n` })
  expect(inFull('test', failures).slice(-2).map((line) => line.trim())).toEqual(['line 99', 'error TS2304'])
  expect(inFull('test', failures).length).toBe(22)
})

it('many failures with much to say are cut short, and counted', () => {
  const failures = Array.from({ length: 50 }, (_, i) => ({ title: `test ${i}`, lines: Array.from({ length: 100 }, () => 'x'.repeat(1000)) }))
  expect(inFull('test', failures).length).toBe(1 + 20 * 11 + 1)
  expect(inFull('test', failures).at(-1)).toContain('30 more')
  expect(Math.max(...inFull('test', failures).map((line) => line.length))).toBeLessThan(400)
  expect(inShort(failures).length).toBe(21)
})
