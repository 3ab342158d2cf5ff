/** An IPFS node of the fixtures, for one test. */
import { type KuboNode, openKuboNode as openNode } from '@dagstore-tooling/fixtures/ipfs-node'
import { onTestFinished } from 'vitest'

export type { KuboNode }

export const openKuboNode = async (): Promise<KuboNode> => {
  const node = await openNode()
  onTestFinished(() => node.close())
  return node
}
