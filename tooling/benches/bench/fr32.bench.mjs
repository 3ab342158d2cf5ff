import * as plain from '@dagstore/piece'
import * as fast from '@dagstore/piece/node'

export const title = 'fr32 padding and unpadding of slices that stay in cache, copies included'
export const packages = ['piece', 'unsealed-sector']

const TOTAL_BYTES = 64 * 2 ** 20

export const run = async ({ compare }) => {
  for (const chunks of [512, 2048]) {
    const padded = new Uint8Array(chunks * 128).map((_, i) => i % 32 === 31 ? i & 0x3f : i * 7)
    const unpadded = new Uint8Array(chunks * 127).map((_, i) => i * 11)
    const out = new Uint8Array(padded.byteLength)
    const times = Math.ceil(TOTAL_BYTES / padded.byteLength)
    const repeat = (job) => () => { for (let i = 0; i < times; i++) job() }
    await compare({
      what: `slices of ${padded.byteLength / 1024} KiB`,
      work: { bytes: times * unpadded.byteLength },
      rounds: 9,
      cases: [
        { name: 'pad', role: 'ours', run: repeat(() => fast.padFr32Into(unpadded, out)) },
        { name: 'unpad', role: 'ours', run: repeat(() => fast.unpadFr32Into(padded, out)) },
        { name: 'pad, JavaScript', role: 'ours', run: repeat(() => plain.padFr32Into(unpadded, out)) },
        { name: 'unpad, JavaScript', role: 'ours', run: repeat(() => plain.unpadFr32Into(padded, out)) },
        { name: 'memory copy', role: 'floor', run: repeat(() => out.set(unpadded)) },
      ],
      wanted: [{ name: 'pad', against: 'memory copy', atLeast: 0.15 }, { name: 'unpad', against: 'memory copy', atLeast: 0.15 }],
    })
  }
}
