import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { copyForReading, type CopyOptions, type FolderCopy } from '../src/node/copy-for-reading.ts'
import { importPeer } from '../src/node/optional-peer.ts'

const root = mkdtempSync(join(tmpdir(), 'piece-store-test-'))
afterAll(() => { rmSync(root, { recursive: true, force: true }) })

const make = (files: Readonly<Record<string, string>>): { from: string, tempFolder: string } => {
  const folder = mkdtempSync(join(root, 'case-'))
  const from = join(folder, 'from')
  const tempFolder = join(folder, 'temp')
  mkdirSync(from)
  mkdirSync(tempFolder)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(from, name), text)
  return { from, tempFolder }
}
const copy = (from: string, options: CopyOptions, mayGrow: (name: string) => boolean = () => false, isPart: (name: string) => boolean = () => true): Promise<FolderCopy> => copyForReading({ from, isPart, mayGrow }, options)

describe('copyForReading', () => {
  it('copies files that make the database, for this user alone, and removes them again', async () => {
    const { from, tempFolder } = make({ a: 'one', b: '', c: 'not this' })
    mkdirSync(join(from, 'folder'))
    const made = await copy(from, { tempFolder }, undefined, (name) => name !== 'c')
    expect(readdirSync(made.folder).sort()).toEqual(['a', 'b'])
    expect(readFileSync(join(made.folder, 'a'), 'utf8')).toBe('one')
    expect(statSync(join(made.folder, 'a')).mode & 0o777).toBe(0o600)
    await made.remove()
    await made.remove()
    expect(readdirSync(tempFolder)).toEqual([])
  })

  it('begins anew when a file changes or goes while it is copied', async () => {
    for (const change of [(from: string) => { writeFileSync(join(from, 'a'), 'two') }, (from: string) => { rmSync(join(from, 'b')) }]) {
      const { from, tempFolder } = make({ a: 'one', b: 'b' })
      let looks = 0
      const made = await copy(from, { tempFolder }, undefined, (name) => {
        // the second look is the one behind the copy
        if (name === 'a' && ++looks === 2) change(from)
        return true
      })
      expect(readdirSync(made.folder).sort().map((name) => [name, readFileSync(join(made.folder, name), 'utf8')])).toEqual(readdirSync(from).sort().map((name) => [name, readFileSync(join(from, name), 'utf8')]))
      await made.remove()
    }
  })

  it('takes a log that grows as it was', async () => {
    const { from, tempFolder } = make({ a: 'one', log: 'first' })
    let looks = 0
    const made = await copy(from, { tempFolder }, (name) => name === 'log', (name) => {
      if (name === 'log' && ++looks === 2) appendFileSync(join(from, 'log'), ' more')
      return true
    })
    expect(looks).toBe(2)
    expect(readFileSync(join(made.folder, 'log'), 'utf8')).toBe('first')
    await made.remove()
  })

  it.each<{ why: string, options?: CopyOptions, files?: Readonly<Record<string, string>>, change?: boolean }>([
    { why: 'nothing is there', files: {} },
    { why: 'it is too large', options: { maxCopyBytes: 2 } },
    { why: 'it changes all the time', change: true },
    { why: 'there is no folder for it', options: { tempFolder: '/nowhere/at/all' } },
  ])('refuses when $why, and leaves nothing behind', async ({ options, files = { a: 'one' }, change = false }) => {
    const { from, tempFolder } = make(files)
    let count = 0
    await expect(copy(from, { tempFolder, ...options }, undefined, (name) => {
      if (change && name === 'a') writeFileSync(join(from, 'a'), 'x'.repeat(++count))
      return true
    })).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    expect(readdirSync(tempFolder)).toEqual([])
  })

  it('stops in the middle of a file when it is withdrawn, and leaves nothing behind', async () => {
    const { from, tempFolder } = make({ a: 'x'.repeat(2 ** 24), b: 'y' })
    const stop = new AbortController()
    const reason = new Error('enough')
    const copying = copy(from, { tempFolder, signal: stop.signal })
    const poll = setInterval(() => { if (readdirSync(tempFolder, { recursive: true }).length > 1) stop.abort(reason) }, 0)
    await expect(copying.then((made) => made.remove().then(() => { throw reason }))).rejects.toBe(reason)
    clearInterval(poll)
    expect(readdirSync(tempFolder)).toEqual([])
  })
})

describe('importPeer', () => {
  it('says how to install what is missing', async () => {
    const name: string = 'a-package-that-nobody-has'
    await expect(importPeer(name, () => import(/* @vite-ignore */ name) as Promise<unknown>)).rejects.toMatchObject({ code: 'PIECE_STORE_NO_DRIVER', message: expect.stringContaining(`npm install ${name}`) })
  })

  it('hides no other failure', async () => {
    const cause = new Error('broken')
    await expect(importPeer('pg', () => Promise.reject(cause))).rejects.toBe(cause)
  })
})
