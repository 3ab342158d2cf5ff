/** Small JSON files of a directory. */
import { type CallOptions, type Directory, IoError } from '@dagstore/io'

const MAX_BYTES = 64 << 20

/** `undefined`: no such file, or no JSON. @throws {IoError} but for `IO_NOT_FOUND` */
export const readJson = async (directory: Directory, name: string, options: CallOptions = {}): Promise<unknown> => {
  try {
    const source = await directory.openSource(name, options)
    try {
      if (source.sizeBytes > MAX_BYTES) return undefined
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await source.read(0, source.sizeBytes, options)))
    } finally {
      await source.close()
    }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || (error instanceof IoError && error.code === 'IO_NOT_FOUND')) return undefined
    throw error
  }
}
