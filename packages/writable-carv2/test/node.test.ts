import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createCarFile, extendCarFile, resumeCarFile } from '../src/node.ts'
import { blocksOf, putAll } from './blocks.ts'
import { takeApart } from './finished.ts'

const folder = mkdtempSync(join(tmpdir(), 'writable-carv2-'))
afterAll(() => { rmSync(folder, { recursive: true }) })
const blocks = blocksOf(6, 50, 5000)
const path = join(folder, 'a.car')

describe('files on disk', () => {
  it('are created, resumed, finalized and extended by path', async () => {
    const created = await createCarFile(path, { roots: [blocks[0]!.cid] })
    await putAll(created, blocks.slice(0, 20))
    await created.close()
    const resumed = await resumeCarFile(path)
    expect(resumed.blockCount).toBe(20)
    await putAll(resumed, blocks.slice(20, 40))
    await resumed.finalize()
    await resumed.close()
    const extended = await extendCarFile(path)
    await putAll(extended, blocks)
    const { sizeBytes } = await extended.finalize()
    await extended.close()
    const bytes = new Uint8Array(readFileSync(path))
    expect(bytes.byteLength).toBe(sizeBytes)
    expect((await takeApart(bytes)).blocks).toHaveLength(50)
  })

  it('are not created over another, not left behind by a refused creation, and not made by resume', async () => {
    await expect(createCarFile(path)).rejects.toMatchObject({ code: 'IO_EXISTS' })
    expect(existsSync(path)).toBe(true)
    const other = join(folder, 'b.car')
    await expect(createCarFile(other, { maxSectionBytes: 0 })).rejects.toBeInstanceOf(RangeError)
    expect(existsSync(other)).toBe(false)
    await expect(resumeCarFile(other)).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    await expect(extendCarFile(other)).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    expect(existsSync(other)).toBe(false)
    await expect(resumeCarFile(path)).rejects.toMatchObject({ code: 'WRITABLE_CAR_FINALIZED' })
  })
})
