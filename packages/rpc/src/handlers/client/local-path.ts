/** Paths that callers name. */
import { isAbsolute } from 'node:path'
import { badParams } from '../failures.ts'

const MAX_PATH_LENGTH = 4096

/** A relative one would be taken from wherever this process was started. @throws {RpcError} `RPC_BAD_PARAMS` */
export const localPath = (path: string, name: string): string => {
  if (isAbsolute(path) && path.length <= MAX_PATH_LENGTH && !path.includes('\0')) return path
  throw badParams(`${name}; want=an absolute path of this machine`)
}
