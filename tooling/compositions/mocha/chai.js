/** The assertions that suites of js-stores import as `aegir/chai`: chai 4 with the same plugins, promises first. */
import { expect, use } from 'chai'
import promised from 'chai-as-promised'
import bites from 'chai-bites'
import parentheses from 'chai-parentheses'
import subset from 'chai-subset'

for (const plugin of [promised, parentheses, subset, bites]) use(plugin)

export { expect }
