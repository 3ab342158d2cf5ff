import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../src/index.ts'
import { watchFiles } from '../src/node.ts'
import { temporaryFolders } from './temporary-folder.ts'

/** Looks when it is told to. */
const steppedClock = (): { readonly clock: Clock, readonly look: () => Promise<void> } => {
  let wake: (() => void) | undefined
  let asleep = (): void => {}
  let slept = new Promise<void>((resolve) => { asleep = resolve })
  const sleep: Clock['sleep'] = (_ms, { signal } = {}) => new Promise((resolve, reject) => {
    wake = resolve
    signal?.addEventListener('abort', () => { reject(signal.reason) })
    asleep()
  })
  return {
    clock: { ...systemClock, sleep },
    look: async () => {
      await slept
      slept = new Promise((resolve) => { asleep = resolve })
      wake?.()
      await slept
    },
  }
}

const folderOf = temporaryFolders()

describe('watchFiles', () => {
  it('tells when a file becomes another one, goes or comes, or a link leads elsewhere, and ends with its signal', async () => {
    const folder = folderOf()
    const [one, other, link] = [join(folder, 'one'), join(folder, 'other'), join(folder, 'link')]
    await writeFile(one, 'a')
    await writeFile(other, 'a')
    await symlink(one, link)
    const { clock, look } = steppedClock()
    const stop = new AbortController()
    let changes = 0
    const watching = watchFiles([one, link], clock, stop.signal, async () => { changes++ })
    const changesAfter = async (work: () => Promise<unknown>): Promise<number> => {
      await work()
      const before = changes
      await look()
      return changes - before
    }
    await look()
    expect(changes).toBe(0)
    expect(await changesAfter(() => writeFile(one, 'longer'))).toBe(1)
    expect(await changesAfter(async () => {})).toBe(0)
    expect(await changesAfter(async () => {
      await symlink(other, `${link}.new`)
      await rename(`${link}.new`, link)
    })).toBe(1)
    expect(await changesAfter(() => rm(one))).toBe(1)
    expect(await changesAfter(() => writeFile(one, 'longer'))).toBe(1)
    stop.abort()
    await watching
  })
})
