/** A folder for the tests of one file, gone at its end; and the file functions of Node, replaced for one test. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'

/** A new empty folder at each call. */
export const temporaryFolders = (): () => string => {
  const root = fs.mkdtempSync(join(tmpdir(), 'dagstore-io-'))
  afterAll(() => fs.rmSync(root, { recursive: true }))
  let count = 0
  return () => {
    const folder = join(root, String(count++))
    fs.mkdirSync(folder)
    return folder
  }
}

type Replaceable = 'read' | 'readSync' | 'write' | 'fstat' | 'fsync' | 'fdatasync' | 'open' | 'close' | 'ftruncate'

/** Replace functions of `node:fs` until the test ends; each replacement is given the real one. */
export const replacingFs = (): <K extends Replaceable>(name: K, make: (real: (typeof fs)[K]) => unknown) => void => {
  const undo: (() => void)[] = []
  afterEach(() => {
    for (const one of undo.splice(0)) one()
    syncBuiltinESMExports()
  })
  return (name, make) => {
    const real = fs[name]
    Object.assign(fs, { [name]: make(real) })
    undo.unshift(() => { Object.assign(fs, { [name]: real }) })
    syncBuiltinESMExports()
  }
}

export const systemError = (code: string): Error => Object.assign(new Error(`${code}: as told by the test`), { code })

/** How many descriptors this process has open on files below `folder`; `undefined` where that cannot be seen. */
export const descriptorsIn = (folder: string): number | undefined => {
  if (process.platform !== 'linux') return undefined
  return fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)
    } catch {
      return false // the one that listed the folder
    }
  }).length
}
