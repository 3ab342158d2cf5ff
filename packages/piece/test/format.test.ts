import { readFileSync } from 'node:fs'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { createCommP, resumeCommP } from '../src/commp.ts'
import { padFr32, unpadFr32 } from '../src/fr32.ts'
import { zeroNode } from '../src/zero-nodes.ts'

/** The hex blocks of the format document: after each name, every leading run of hex digits up to the next name. */
const examples = ((): ReadonlyMap<string, string> => {
  const text = readFileSync(new URL('../../../docs/formats/piece.md', import.meta.url), 'utf8')
  const found = new Map<string, string>()
  for (const [, block = ''] of text.matchAll(/^```hex\n([^`]*)```$/gm)) {
    let name = ''
    for (const line of block.trimEnd().split('\n')) {
      const [, label, digits = ''] = /^(\S+)? +([0-9a-f]+)(?: |$)/.exec(line)!
      name = label ?? name
      found.set(name, (found.get(name) ?? '') + digits)
    }
  }
  return found
})()
const example = (name: string): string => examples.get(name)!

describe('docs/formats/piece.md', () => {
  const payload = hexToBytes(example('payload'))
  const commp = createCommP()
  commp.write(payload)
  const { commitment, cidV1, cidV2 } = commp.finish()

  it('has the names that are checked here, and no other', () => {
    expect([...examples.keys()].sort()).toEqual(['commP', 'padded', 'payload', 'state', 'v1', 'v2', 'zeros1', 'zeros2', 'zeros3'])
  })
  it('shows fr32', () => {
    expect(payload).toEqual(Uint8Array.from({ length: 127 }, (_, i) => i))
    expect(bytesToHex(padFr32(payload))).toBe(example('padded'))
    expect(unpadFr32(hexToBytes(example('padded')))).toEqual(payload)
  })
  it('shows the tree', () => {
    for (const height of [1, 2, 3]) expect(bytesToHex(zeroNode(height))).toBe(example(`zeros${height}`))
    expect(bytesToHex(commitment)).toBe(example('commP'))
  })
  it('shows both CIDs', () => {
    expect(bytesToHex(cidV1.bytes)).toBe(example('v1'))
    expect(bytesToHex(cidV2.bytes)).toBe(example('v2'))
  })
  it('shows a state', () => {
    const open = createCommP()
    open.write(Uint8Array.of(1, 2, 3))
    expect(bytesToHex(open.state())).toBe(example('state'))
    expect(resumeCommP(hexToBytes(example('state'))).payloadBytes).toBe(3)
  })
})
