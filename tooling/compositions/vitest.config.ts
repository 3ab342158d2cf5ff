/**
 * As everywhere, and what the conformance suite of js-stores needs besides: it was written for mocha (names in the global
 * scope, `before` and `after`) and imports its assertions from a build tool that we do not install.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config'
import library from '../vitest-config/library.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const config: ViteUserConfig = mergeConfig(library, defineConfig({
  resolve: { alias: { 'aegir/chai': file('./mocha/chai.js') } },
  test: {
    globals: true,
    setupFiles: [file('./mocha/names.js')],
    server: { deps: { inline: ['interface-blockstore-tests'] } },
  },
}))

export default config
