/** `car list --unixfs`: the files and directories in a CAR. */
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import type { CID } from 'multiformats/cid'
import { openAllHashes } from '../hashes.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { CidLines } from './cid-lines.ts'
import { withInput } from './input.ts'
import { type Output, writeOutput } from './output.ts'
import { type BlockBytes, children, isDirectory, RAW, readNode } from './unixfs.ts'

export const listUnixfs = (file: string | undefined, output: Output, options: CommonOptions, terminal: Terminal): Promise<void> => withInput(file, terminal, async ({ path, label }) => {
  const mount = await openCarFile(path, { label, hashes: await openAllHashes(), signal: terminal.signal, onNotice: (notice) => { terminal.stderr(`${label}: ${notice}\n`) } })
  try {
    await writeOutput(output, joined(unixfsLines(mount.blockstore, mount.roots, options, terminal.signal)), terminal)
  } finally {
    await mount.close()
  }
})

const unixfsLines = async function * (store: BlockBytes, roots: readonly CID[], options: CommonOptions, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  for (const root of roots) {
    for await (const { path, cid } of below(store, root, '', signal)) {
      yield options.json === true ? `${toJson({ path, cid: cid.toString() })}\n` : `${printable(path)}\n`
    }
  }
}

const below = async function * (store: BlockBytes, cid: CID, prefix: string, signal: AbortSignal): AsyncGenerator<{ readonly path: string, readonly cid: CID }, void, undefined> {
  if (cid.code === RAW) return
  const node = await readNode(store, cid, signal)
  if (!isDirectory(node)) return
  for await (const child of children(store, node, signal)) {
    const path = prefix === '' ? child.name : `${prefix}/${child.name}`
    yield { path, cid: child.cid }
    yield * below(store, child.cid, path, signal)
  }
}

/** Lines in chunks that are worth a write; what there is before a failure is given out too. */
const joined = async function * (lines: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunk = new CidLines()
  try {
    for await (const line of lines) {
      chunk.text(line)
      if (chunk.isFull) yield chunk.take()
    }
  } catch (error) {
    yield chunk.take()
    throw error
  }
  yield chunk.take()
}
