/** Tests run on the TypeScript sources of every workspace package; nothing has to be built first. */
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

export const SOURCE_CONDITION = '@dagstore/source'

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** A limit only against hanging for ever; no test measures time. The long forms of some take minutes. */
const HANGING_MS = process.env['DAGSTORE_LONG'] === undefined ? 120_000 : 3_600_000

const config: ViteUserConfig = defineConfig({
  ssr: {
    resolve: {
      // Node gets these for `require` too, so `import` is none of them; vite adds it where it is one
      conditions: [SOURCE_CONDITION, 'node', 'module'],
      externalConditions: [SOURCE_CONDITION, 'node', 'module'],
    },
  },
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    setupFiles: [beside('./bytes.ts')],
    testTimeout: HANGING_MS,
    hookTimeout: HANGING_MS,
    reporters: ['default', ...['./failures.ts', './closing-line.ts'].map(beside)],
  },
})

export default config
