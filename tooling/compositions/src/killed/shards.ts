/** The CARs and mounts that a store is killed with: by path with random access, and in order only, so that copies are made. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { filePath, fileUrl, MountError, type MountFactory } from '@dagstore/mounts'

export const KEYS: readonly string[] = Array.from({ length: 9 }, (_, at) => `shard/${at}`)
export const CARS = 6

export interface CarBlock { readonly cid: Uint8Array, readonly data: Uint8Array }
export interface Car { readonly bytes: Uint8Array, readonly blocks: readonly CarBlock[] }

/** CARs of very different lengths, so that a kill meets every step. */
export const makeCar = (number: number): Car => {
  const blocks = makeBlocks(900 + number, 20 + 150 * number, { min: 100, max: 2000 })
  return { bytes: carV1([blocks[0]!.cid], blocks), blocks }
}

export const carPath = (folder: string, number: number): string => `${folder}/${number}.car`

/** Where the bytes of a shard come from: an even key by its path, an odd one in order. */
export const urlOf = (folder: string, key: string, number: number): string => {
  const url = fileUrl(carPath(folder, number))
  return Number(key.at(-1)) % 2 === 0 ? url : url.replace(/^file:/u, 'ordered:')
}

export const numberOf = (url: string): number => Number(/(\d+)\.car$/u.exec(url)?.[1])

/** Files that can be read from their start only. */
export const orderedFiles = (): MountFactory => ({
  scheme: 'ordered',
  mount: (url) => {
    const path = filePath(url.replace(/^ordered:/u, 'file:'))
    const look = async (): Promise<{ size: number, mtimeMs: number }> => {
      try {
        return await stat(path)
      } catch (cause) {
        throw new MountError('MOUNT_MISSING', `no such file; path=${path}`, { cause })
      }
    }
    return {
      url,
      stat: async () => ({ exists: true, sizeBytes: (await look()).size, ready: true, access: 'sequential' }),
      open: async () => {
        const { size, mtimeMs } = await look()
        return {
          access: 'sequential',
          identity: { kind: 'version', tag: `"${size}-${mtimeMs}"`, sizeBytes: size },
          resumable: false,
          stream: async function * () { for await (const chunk of createReadStream(path, { highWaterMark: 16_384 })) yield chunk as Uint8Array },
        }
      },
    }
  },
})
