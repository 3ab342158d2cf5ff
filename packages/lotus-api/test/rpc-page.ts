/** `docs/rpc.md`, from the table of methods. */
import { METHOD_NAMES, METHODS, openRpcDocument, PERMISSIONS } from '../src/index.ts'
import type { JsonSchema } from '../src/schema.ts'

const INTRODUCTION = `# The RPC

What a daemon answers at \`/rpc/v0\` and \`/rpc/v1\`, by HTTP POST and over a WebSocket, in JSON-RPC as go-jsonrpc speaks it. This page is
made from the table of methods in \`packages/lotus-api\`; \`docs/openrpc.json\` has the same for programs, and \`Filecoin.Discover\` answers it.

    curl -s http://127.0.0.1:2350/rpc/v0 -d '{"jsonrpc":"2.0","id":1,"method":"Filecoin.DagstoreListShards","params":[]}'

- A token goes into the header \`Authorization: Bearer TOKEN\`, or the parameter \`?token=TOKEN\` of the URL. Each method needs one permission
  of ${PERMISSIONS.map((permission) => `\`${permission}\``).join(', ')}; a token lists all that it allows. Without a token callers on the same machine may \`read\`.
- Whoever may \`read\` sees errors as they are, as with Lotus: paths and addresses of where shards are read are in them. Tokens, passwords and what
  stands behind a \`?\` of a URL are in no answer to them. \`AnonymousRead = "never"\` tells nobody without a token.
- Methods of Lotus have its parameters, results and texts of errors; a client written for Lotus works unchanged. Others are answered
  with -32601.
- Streams come over a WebSocket: the answer is the number of a channel, then \`xrpc.ch.val\` brings the values, \`xrpc.ch.close\` ends them;
  \`xrpc.cancel\` with the id of the call leaves them. Later versions have events of further types: pass over them.
- CIDs are \`{"/": "bafy…"}\`. Ids (u64) are whole numbers with all digits on methods of Lotus, strings of digits on ours; both are taken.
- \`PUT /rest/v0/import\` takes content as its body, from whoever may \`write\`: \`{"Cid":{"/":"bafy…"},"ImportID":1786…}\`. Its bytes are copied. One of
  which nothing comes for ten minutes is left, with 408.
- \`GET /rest/v0/export?car=true&export={"Root":{"/":"bafy…"}}\` gives a CARv1, without \`car\` a file, of an import, a retrieval (\`DealID\`), or a CAR
  of the machine, to whoever may \`ClientExport\`; \`export\` is an ExportRef, encoded as URLs have it. What ends without its last chunk, or
  its length, is not whole.
- Paths are of the machine of the daemon, and absolute. Providers are named by their URL, or by an address that deals or the configuration
  know; peer ids are \`11\`, nobody's, and URLs stand beside them. Who may only \`read\` may not have others asked than those known.
- What may be left out has a \`?\`. A member that is missing is the zero of its type, \`null\` is an empty list; ours refuse members that they
  do not know.
- An error has \`data.code\` where the store has a code for it. Errors of one among several are texts: \`CODE: message\`.
`

/** Of a cell: lines would end it. */
const cell = (text: string): string => text.replaceAll('|', '\\|')

export const rpcPage = (): string => {
  const { components: { schemas } } = openRpcDocument()
  const table = (ours: boolean): string => [
    '| method | permission | parameters | result | |',
    '| --- | --- | --- | --- | --- |',
    ...METHOD_NAMES.filter((name) => METHODS[name].ours === ours).map((name) => {
      const { permission, params, required, result, stream, summary } = METHODS[name]
      const given = params.map((param, at) => `${param.name}${at < required ? '' : '?'}: ${param.schema.type}`).join(', ')
      return `| \`${name}\` | ${permission} | ${cell(given)} | ${cell(stream ? `stream of ${result.type}` : result.type)} | ${cell(summary)} |`
    }),
  ].join('\n')
  const types = Object.entries(schemas).filter(([name]) => name !== 'CID').map(([name, schema]) => `### ${name}\n\n${describeType(schema)}`)
  return `${INTRODUCTION}\n## Of Lotus\n\n${table(false)}\n\n## Ours\n\n${table(true)}\n\n## Types\n\n${types.join('\n\n')}\n`
}

const describeType = (schema: JsonSchema): string => {
  const kinds = schema['oneOf'] as readonly JsonSchema[] | undefined
  if (kinds !== undefined) return `One of ${kinds.map((kind) => `\`${typeOf(kind)}\``).join(', ')}.`
  const required = schema['required'] as readonly string[]
  const members = Object.entries(schema['properties'] as Readonly<Record<string, JsonSchema>>)
  return ['| member | type | |', '| --- | --- | --- |', ...members.map(([name, member]) =>
    `| \`${name}\`${required.includes(name) ? '' : '?'} | ${cell(typeOf(member))} | ${cell(typeof member['description'] === 'string' ? member['description'] : '')} |`)].join('\n')
}

const typeOf = (schema: JsonSchema): string => {
  const [first] = (schema['allOf'] ?? []) as readonly JsonSchema[]
  if (first !== undefined) return typeOf(first)
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').at(-1) ?? ''
  const kinds = schema['oneOf'] as readonly JsonSchema[] | undefined
  if (kinds !== undefined) return kinds.map(typeOf).join(' | ')
  const values = schema['enum'] as readonly string[] | undefined
  if (values !== undefined) return values.map((value) => `"${value}"`).join(' | ')
  switch (schema['type']) {
    case 'array': {
      const item = typeOf(schema['items'] as JsonSchema)
      return item.includes(' ') ? `(${item})[]` : `${item}[]`
    }
    case 'object': return `{[name]: ${typeOf(schema['additionalProperties'] as JsonSchema)}}`
    case 'integer': return schema['maximum'] === undefined ? 'integer' : 'u64'
    case 'string': return schema['contentEncoding'] === 'base64' ? 'base64' : schema['pattern'] === undefined ? 'string' : 'decimal string'
    default: return String(schema['type'] ?? 'any')
  }
}
