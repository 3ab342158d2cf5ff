/** Writable CARv2 files by path, with Node's fast hashes. */
import { unlink } from 'node:fs/promises'
import { openHashes } from '@dagstore/hashes/node'
import type { WritableFile } from '@dagstore/io'
import { openWritableFile } from '@dagstore/io/node'
import { createWritableCar, extendWritableCar, resumeWritableCar } from './open.ts'
import type { CreateCarOptions, OpenCarOptions } from './options.ts'
import type { WritableCar } from './writable-car.ts'

/** {@link createWritableCar} in a new file; when it rejects, no file is left. @throws {IoError} `IO_EXISTS`: something has that name */
export const createCarFile = async (path: string, options: Omit<CreateCarOptions, 'owns'> = {}): Promise<WritableCar> => {
  const file = await openWritableFile(path, 'new')
  try {
    return await closedUnless(file, async () => createWritableCar(file, { hashes: await openHashes(), ...options, owns: true }))
  } catch (error) {
    await unlink(path).catch(() => {}) // the first failure is the one to tell
    throw error
  }
}

/** {@link resumeWritableCar} on a file that exists. @throws {IoError} `IO_NOT_FOUND` */
export const resumeCarFile = async (path: string, options: Omit<OpenCarOptions, 'owns'> = {}): Promise<WritableCar> => {
  const file = await openWritableFile(path, 'open')
  return closedUnless(file, async () => resumeWritableCar(file, { hashes: await openHashes(), ...options, owns: true }))
}

/** {@link extendWritableCar} on a file that exists. @throws {IoError} `IO_NOT_FOUND` */
export const extendCarFile = async (path: string, options: Omit<OpenCarOptions, 'owns'> = {}): Promise<WritableCar> => {
  const file = await openWritableFile(path, 'open')
  return closedUnless(file, async () => extendWritableCar(file, { hashes: await openHashes(), ...options, owns: true }))
}

/** The file is closed when what is opened on it does not come about. */
const closedUnless = async <T>(file: WritableFile, open: () => Promise<T>): Promise<T> => {
  try {
    return await open()
  } catch (error) {
    await file.close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}
