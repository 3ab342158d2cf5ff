/** Tests run on the TypeScript sources of every workspace package; nothing has to be built first. */
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

export const SOURCE_CONDITION = '@dagstore/source'

const config: ViteUserConfig = defineConfig({
  ssr: {
    resolve: {
      conditions: [SOURCE_CONDITION, 'node', 'import', 'module', 'default'],
      externalConditions: [SOURCE_CONDITION, 'node', 'import', 'module', 'default'],
    },
  },
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    // a limit only against hanging for ever; no test measures time
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', fileURLToPath(new URL('./closing-line.ts', import.meta.url))],
  },
})

export default config
