import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { createMemoryTopLevelIndex, openTopLevelIndex } from '../src/index.ts'
import { topLevelIndexSuite } from '../src/suite.ts'
import { damageShard } from './support.ts'

topLevelIndexSuite('in memory', { describe, it, expect }, {
  open: async () => {
    const index = createMemoryTopLevelIndex()
    return { index, reopen: async () => index, dispose: () => index.close() }
  },
})

topLevelIndexSuite('memory-level', { describe, it, expect }, {
  open: async () => {
    const db = new MemoryLevel()
    const index = await openTopLevelIndex(db, { batchEntries: 1000 })
    return {
      index,
      reopen: async () => {
        await index.close()
        return openTopLevelIndex(db, { batchEntries: 1000 })
      },
      damage: (shard) => damageShard(db, shard),
      dispose: () => db.close(),
    }
  },
})

topLevelIndexSuite('memory-level with bytes inside, in a sublevel with another encoding', { describe, it, expect }, {
  open: async () => {
    const db = new MemoryLevel({ storeEncoding: 'view', valueEncoding: 'json' })
    const below = db.sublevel('dagstore', { valueEncoding: 'json' })
    const index = await openTopLevelIndex(below, { batchEntries: 1000 })
    return {
      index,
      reopen: async () => {
        await index.close()
        return openTopLevelIndex(below, { batchEntries: 1000 })
      },
      dispose: () => db.close(),
    }
  },
})

topLevelIndexSuite('classic-level', { describe, it, expect }, {
  open: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'top-level-index-'))
    let db = new ClassicLevel(folder)
    const index = await openTopLevelIndex(db, { batchEntries: 1000 })
    return {
      index,
      reopen: async () => {
        await index.close()
        await db.close()
        db = new ClassicLevel(folder)
        return openTopLevelIndex(db, { batchEntries: 1000 })
      },
      damage: (shard) => damageShard(db, shard),
      dispose: async () => {
        await db.close()
        await rm(folder, { recursive: true })
      },
    }
  },
})
