/** The bundle in a page of Chromium. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CannotStart } from '../cannot-start.mjs'

export const packages = ['@sparticuz/chromium@147.0.0', 'puppeteer-core@24.43.1']

/** `work` with a page at `url`. */
export const openPage = async ({ installed, url }, work) => {
  const { resolve } = createRequire(join(installed, 'package.json'))
  const load = async (name) => (await import(pathToFileURL(resolve(name)).href)).default
  const [chromium, puppeteer] = [await load('@sparticuz/chromium'), await load('puppeteer-core')]
  let browser
  try {
    browser = await puppeteer.launch({ args: chromium.args, executablePath: await chromium.executablePath(), headless: 'shell' })
  } catch (cause) {
    throw new CannotStart(`Chromium does not start: ${cause.message.split('\n')[0]}`, { cause })
  }
  try {
    const page = await browser.newPage()
    await page.goto(url)
    return await work(page)
  } finally {
    await browser.close()
  }
}

export const runIn = ({ base, installed }) => openPage({ installed, url: `${base}/page.html` }, (page) => page.evaluate(async (from) => {
  const { run } = await import(`${from}/script.mjs`)
  const compile = (name) => WebAssembly.compileStreaming(fetch(`${from}/${name}.wasm`))
  return [await run(from), await run(from, { hashes: await compile('hashes'), piece: await compile('piece') })]
}, base))
