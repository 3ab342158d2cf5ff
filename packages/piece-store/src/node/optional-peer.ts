/** Packages that only some users need, and install themselves. */
import { PieceStoreError } from '../errors.ts'

/** @throws {PieceStoreError} `PIECE_STORE_NO_DRIVER`, with the command that installs it */
export const importPeer = async <T>(name: string, load: () => Promise<T>): Promise<T> => {
  try {
    return await load()
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND' && cause.message.includes(`'${name}'`)
    if (!isMissing) throw cause
    throw new PieceStoreError('PIECE_STORE_NO_DRIVER', `the package ${name} is not installed where dagstore is; run: npm install ${name} (npm install --global ${name}, if dagstore was installed so)`, { cause })
  }
}
