/** The worker of the example, with the reads of its bucket counted. */
import type { Env, ExecutionContext, R2Bucket } from '../../../examples/worker/src/bindings.ts'
import worker from '../../../examples/worker/src/worker.ts'

let reads: string[] = []

const counted = (bucket: R2Bucket): R2Bucket => ({
  get: (key, options) => {
    reads.push(key)
    return bucket.get(key, options)
  },
})

export default {
  fetch: (request: Request, env: Env, context: ExecutionContext): Response | Promise<Response> => {
    if (new URL(request.url).pathname !== '/reads') return worker.fetch(request, env.BUCKET === undefined ? env : { ...env, BUCKET: counted(env.BUCKET) }, context)
    const taken = reads
    reads = []
    return Response.json(taken)
  },
}
