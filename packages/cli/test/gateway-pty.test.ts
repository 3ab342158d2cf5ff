/** `dagstore gateway` on a real terminal: one line for what is indexed, whole lines for the rest, and Ctrl-C. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { describe, expect, it, onTestFinished } from 'vitest'
import { commandFile } from './daemon-process.ts'
import { temporaryFolder } from './terminal.ts'

const bin = await commandFile()
const blocks = makeBlocks(52, 4, { min: 20, max: 300 })

/** `script` of util-linux runs a command on a terminal of its own. */
const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

describe.runIf(hasScript)('on a terminal', () => {
  it('a gateway says what it serves, draws what it indexes on one line, and ends with Ctrl-C', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'cars'))
    for (const [at, block] of blocks.entries()) await writeFile(join(cwd, 'cars', `${at}.car`), carV1([block.cid], [block]))
    const line = ['exec', process.execPath, bin, 'gateway', 'cars', '--listen', '127.0.0.1:0'].map((word) => word === 'exec' ? word : `'${word}'`).join(' ')
    const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: cwd, TERM: 'xterm' }, stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => { child.kill('SIGKILL') })
    let shown = ''
    const wants: { readonly text: string, readonly resolve: () => void }[] = []
    child.stdout.on('data', (part: Buffer) => {
      shown += part.toString('utf8')
      for (const { text, resolve } of wants) if (shown.includes(text)) resolve()
    })
    const until = (text: string): Promise<void> => new Promise((resolve) => {
      if (shown.includes(text)) resolve()
      else wants.push({ text, resolve })
    })
    const ended = once(child, 'close') as Promise<[number | null]>
    await until('Ctrl-C stops it.\r\n')
    await until('gateway indexed')
    const url = /'(http:\S+format=raw)'/.exec(shown)?.[1] ?? ''
    expect((await fetch(url)).status).toBe(200)
    await until('?format=raw" 200')
    child.stdin.write('\u0003')
    const [code] = await ended
    expect(code, shown).toBe(0)
    expect(shown).toContain('  index     0 of 4 CARs …\r\u001b[2K')
    expect(shown).toContain('\r\nserving 4 CARs of .dagstore at http://127.0.0.1:')
    expect(shown).toMatch(/\n\d{4}-\S+ 127\.0\.0\.1 GET "\/ipfs\/\w+\?format=raw" 200 \d+ \d+ - "\w*" ""\r\n/)
    expect(shown).toMatch(/\r\nserved 1 request, [\d.]+ B, in [\d.]+ m?s\r\n$/)
  })
})
