/** A page of Chromium has a file from gateways of other origins, and refuses what is not the file. */
import { openPage } from '../hosts/chromium.mjs'

export { packages } from '../hosts/chromium.mjs'

/** @param page - URL of an empty page, beside which `page.mjs` and `hashes.wasm` are */
export const tryInPage = ({ installed, page: url, served }) => openPage({ installed, url }, async (page) => {
  const found = await page.evaluate(async (base, gateways, cid) => {
    const { readFile } = await import(new URL('page.mjs', base).href)
    const module = await WebAssembly.compileStreaming(fetch(new URL('hashes.wasm', base)))
    const all = []
    for (const gateway of gateways) all.push(await readFile(gateway, cid), await readFile(gateway, cid, module))
    return all
  }, url, [served.good, served.lying, served.broken], served.cid)
  const [plain, compiled, ...refused] = found
  const want = JSON.stringify({ blocks: served.blocks, length: served.length, sum: served.sum, roots: served.cid })
  for (const one of [plain, compiled]) if (JSON.stringify(one) !== want) throw new Error(`found ${JSON.stringify(one)}, want ${want}`)
  const codes = refused.map(({ code }) => code)
  if (codes.join() !== 'CARV2_HASH_MISMATCH,CARV2_HASH_MISMATCH,TypeError,TypeError' || refused.some(({ length }) => length !== 0)) throw new Error(`refused ${JSON.stringify(refused)}`)
  return `a file of ${served.length} bytes in ${served.blocks} blocks, each verified, from a gateway of another origin; one with a damaged block refused, and one that broke off`
})
