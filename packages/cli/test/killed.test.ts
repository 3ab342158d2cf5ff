/** `kill -9` of the command itself while it moves files into a store: none is ever lost, and running it again ends the work. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { bundleProgram } from '@dagstore-tooling/testkit/bundle'
import { describe, expect, it } from 'vitest'
import { dagstore, documentOf, temporaryFolder } from './terminal.ts'

const FILES = 600
const KILLS = 6

/** The command as one file. */
const bundle = (out: string): Promise<void> => bundleProgram(
  new URL('../src/bin.ts', import.meta.url), out,
  pathToFileURL(createRequire(fileURLToPath(import.meta.resolve('@dagstore/node'))).resolve('classic-level')).href
)

const carsBelow = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true }).catch(() => [])).filter((name) => name.endsWith('.car'))

describe('dagstore add --keep move', () => {
  it('loses no file when it is killed, and goes on where it was', async () => {
    const cwd = await temporaryFolder()
    const bin = join(cwd, 'dist', 'bin.mjs')
    await writeFile(join(cwd, 'package.json'), '{}') // where the command reads its version
    await bundle(bin)
    const cars = join(cwd, 'cars')
    const contents = Array.from({ length: 7 }, (_, n) => carV1([], makeBlocks(81 + n, 2, { min: 20, max: 60 })))
    await mkdir(cars)
    for (let i = 0; i < FILES; i++) await writeFile(join(cars, `${i}.car`), contents[i % 7]!)
    let cut = 0
    for (let run = 0; run < KILLS; run++) {
      const child = spawn(process.execPath, [bin, 'add', '-v', '--keep', 'move', 'cars'], { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
      // at its first result, or some time behind it
      child.stdout.once('data', () => { setTimeout(() => { child.kill('SIGKILL') }, run * 3) })
      const [, signal] = await once(child, 'exit') as [number | null, string | null]
      if (signal === 'SIGKILL') cut++
      const names = new Set([...await carsBelow(cars), ...await carsBelow(join(cwd, '.dagstore', 'cars'))])
      expect(names.size).toBe(FILES)
    }
    expect(cut, 'runs that were cut off').toBeGreaterThan(0)
    const last = await dagstore(cwd, ['add', '--json', '--keep', 'move', 'cars'])
    expect(last.code, last.stderr).toBe(0)
    expect(documentOf(last).failed).toBe(0)
    expect(await carsBelow(cars)).toEqual([])
    for (let i = 0; i < FILES; i++) expect(new Uint8Array(await readFile(join(cwd, '.dagstore', 'cars', `${i}.car`)))).toEqual(contents[i % 7])
    const listed = JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout) as unknown[]
    expect(listed).toHaveLength(FILES)
  })
})
