/** The example of docs/formats/top-level-index.md, byte for byte. */
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { openTopLevelIndex, shardNumber } from '../src/index.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('docs/formats/top-level-index.md', () => {
  it('shows what the rows of a shard are', async () => {
    const text = await readFile(new URL('../../../docs/formats/top-level-index.md', import.meta.url), 'utf8')
    const wanted = [...text.matchAll(/^ {4}(?<key>[0-9a-f ]+?) *→ *(?<value>[0-9a-f ]*)$/gmu)].map(({ groups }) => [groups?.['key'], groups?.['value']].map((part) => part?.replaceAll(' ', '')))
    expect(wanted.length).toBe(6)
    const db = new MemoryLevel<Uint8Array, Uint8Array>({ storeEncoding: 'view', keyEncoding: 'view', valueEncoding: 'view' })
    const index = await openTopLevelIndex(db, { purge: 'manual' })
    await index.publish(shardNumber(7), ['b', 'a'].map((of) => Uint8Array.from([0x12, 32, ...createHash('sha256').update(of).digest()])))
    const rows = async (): Promise<string[][]> => (await db.iterator().all()).map(([key, value]) => [hex(key), hex(value)])
    expect(await rows()).toEqual(wanted)
    await index.retire(shardNumber(7))
    const dead = /key `(?<key>[0-9a-f ]+)` and value `(?<value>[0-9a-f]+)`/u.exec(text)?.groups
    expect(await rows()).toEqual([
      [dead?.['key']?.replaceAll(' ', ''), dead?.['value']], wanted[0], wanted[1], [wanted[4]?.[0], '0000000000000000'], wanted[5],
    ])
  })
})
