/** Everything that is fed with damaged bytes. */
import { inspectTarget, rewriteTarget, scanTarget, verifyTarget } from './targets/cars.mjs'
import { dagTarget } from './targets/dags.mjs'
import { editTarget } from './targets/edits.mjs'
import { indexTarget, mountCarTarget, mountGivenTarget } from './targets/indices.mjs'
import { cidTarget, commPStateTarget, headerTarget, linksTarget, pieceCidTarget, rlePlusTarget, sectorTarget } from './targets/parts.mjs'
import { resumeTarget } from './targets/writable.mjs'

/** `{ name, corpus, run, seal? }`; `run(bytes, { random, meter, item })` ends in a result or an error of ours. */
export const targets = [
  scanTarget, inspectTarget, verifyTarget, rewriteTarget, editTarget, indexTarget, mountGivenTarget, mountCarTarget, resumeTarget,
  headerTarget, cidTarget, linksTarget, dagTarget, pieceCidTarget, commPStateTarget, rlePlusTarget, sectorTarget,
]
