/** What mocha calls `beforeAll` and `afterAll`. */
import { afterAll, beforeAll } from 'vitest'

Object.assign(globalThis, { before: beforeAll, after: afterAll })
