import { measured } from '../src/child.mjs'

await measured(import.meta.url, ({ mib }) => {
  const held = new Uint8Array(mib * 2 ** 20).fill(1)
  return { answer: mib, hold: () => held.byteLength }
})
