/**
 * The files by which commands find the daemon of a store, as Lotus keeps them in a repository:
 *
 *     <root>/api     /ip4/127.0.0.1/tcp/2350/http    where it answers
 *     <root>/token   a token (HS256 JWT) that may do everything
 *
 * Both hold one line of text without an end, mode 0600. Written when the daemon answers, `token` first; removed when it stops,
 * `api` first. A daemon that was killed leaves them behind: they count only while the owner's note beside the database names the
 * same URL and a process that is there.
 */
import { join } from 'node:path'
import { readOwner } from '@dagstore/node/owner'
import { type ApiAddress, multiaddrOf, parseAddress } from './api-address.ts'
import { readPrivateFile, removePrivateFile, writePrivateFile } from './private-file.ts'

/** @param root - folder of the store. @param address - its URL is `http://host:port` */
export const writeApiFiles = async (root: string, { url, token }: ApiAddress & { readonly token: string }): Promise<void> => {
  await writePrivateFile(join(root, 'token'), token)
  await writePrivateFile(join(root, 'api'), multiaddrOf(url))
}

/** Those that are not there are no error. */
export const removeApiFiles = async (root: string): Promise<void> => {
  await removePrivateFile(join(root, 'api'))
  await removePrivateFile(join(root, 'token'))
}

/**
 * The daemon of the store, by its files. `undefined`: there are none, or a process left them that is gone. Nobody is asked:
 * where the connection is refused all the same, the process number has gone to another one, and the store may be opened.
 *
 * @throws {SyntaxError} `api` holds no address
 */
export const readApiFiles = async (root: string): Promise<ApiAddress | undefined> => {
  const text = (await readPrivateFile(join(root, 'api')))?.trim()
  if (text === undefined || text === '') return undefined
  const url = parseAddress(text)
  const owner = await readOwner(root)
  if (owner?.api !== url) return undefined
  const token = (await readPrivateFile(join(root, 'token')))?.trim()
  return { url, token: token === '' ? undefined : token }
}
