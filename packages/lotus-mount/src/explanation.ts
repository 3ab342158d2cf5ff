/** What the sources say of a piece, for people. */
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { PieceSource } from './piece-loader.ts'

/** What each source says; one that cannot say why is named with its failure. */
export const explanationOf = async (sources: readonly PieceSource[], piece: CID, { signal }: CallOptions): Promise<string> => {
  const said: string[] = []
  for (const source of sources) {
    signal?.throwIfAborted()
    try {
      const text = source.explain === undefined ? await shortAnswer(source, piece, { signal }) : await source.explain(piece, { signal })
      if (text !== undefined) said.push(text)
    } catch (error) {
      signal?.throwIfAborted()
      said.push(`${source.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return said.length > 0 ? said.join('; ') : `no record of it in ${sources.map(({ name }) => name).join(', ')}`
}

const shortAnswer = async (source: PieceSource, piece: CID, options: CallOptions): Promise<string | undefined> => {
  const stat = await source.stat(piece, options)
  return stat === undefined ? undefined : `${source.name}: ${stat.unsealed === 'yes' ? 'there' : stat.unsealed}`
}
