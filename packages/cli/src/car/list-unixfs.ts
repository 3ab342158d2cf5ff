/** `car list --unixfs`: the files and directories in a CAR. */
import type { CID } from 'multiformats/cid'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { CidLines } from './cid-lines.ts'
import { withMount } from './mounted.ts'
import { type Output, writeOutput } from './output.ts'
import { type BlockBytes, children, isDirectory, RAW, readNode } from './unixfs.ts'

export const listUnixfs = (file: string | undefined, output: Output, options: CommonOptions, terminal: Terminal): Promise<void> => withMount(file, 'list', output, terminal, async ({ blockstore, roots }) => {
  await writeOutput(output, joined(unixfsLines(blockstore, roots, options, terminal.signal)), terminal)
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
