import { fullName } from './protos.mjs'

/** What "those of …" stands for in the comment of a call. */
const GROUPS_OF_ERRORS = {
  writing: ['LIMIT_REACHED', 'DISK_FULL', 'STORAGE_FAILED', 'COMMIT_UNKNOWN'],
  reading: ['CORRUPT_BATCH', 'STORAGE_FAILED'],
}

const INTRODUCTION = `# gRPC

Generated from the comments in \`proto/\` by \`scripts/generate.mjs\`. Do not edit.

gRPC is there on the same port as REST, over HTTP/2, in clear text or TLS. The server has reflection, so that tools need no
files:

\`\`\`sh
grpcurl -plaintext 127.0.0.1:7070 list
grpcurl -plaintext 127.0.0.1:7070 describe millrace.v1.Topics.CreateTopic
grpcurl -plaintext -d '{"name": "orders"}' 127.0.0.1:7070 millrace.v1.Topics/CreateTopic
grpcurl -plaintext 127.0.0.1:7070 grpc.health.v1.Health/Check
\`\`\`

A call that fails has a code of [errors.md](errors.md) in the trailer \`millrace-code\`, beside \`grpc-status\` and
\`grpc-message\`; facts stand in \`millrace-details\`, as JSON. Beside the errors that a call lists, every call may fail with
\`INVALID_REQUEST\`, \`NUMBER_NOT_EXACT\`, \`REQUEST_TOO_LARGE\`, \`LIMIT_REACHED\`, \`TIMED_OUT\`, \`SHUTTING_DOWN\`,
\`HOST_NOT_ALLOWED\`, \`ORIGIN_NOT_ALLOWED\`, \`METHOD_NOT_ALLOWED\`, \`UNSUPPORTED_MEDIA_TYPE\`, \`CANCELLED\`, \`INTERNAL\`
and, where a server does not know it, \`UNIMPLEMENTED\`.
`

/** The page about all services, calls and messages. */
export function grpcPage(files) {
  const shown = files.filter(({ name }) => !name.includes('/v1alpha/'))
  const sections = shown.flatMap(({ services }) => services.map(serviceSection))
  const messages = shown.filter(({ name }) => name.startsWith('millrace/')).flatMap(messageSections)
  return [INTRODUCTION, ...sections, '## Messages\n', ...messages].join('\n')
}

function serviceSection(service) {
  const calls = service.methodsArray.map(callSection)
  return [`## ${fullName(service)}\n`, ...(service.comment ? [`${service.comment}\n`] : []), ...calls].join('\n')
}

function callSection(method) {
  const { text, errors } = splitErrors(method.comment ?? '')
  const request = `${method.requestStream ? 'a stream of ' : ''}${linkTo(method.resolvedRequestType)}`
  const response = `${method.responseStream ? 'a stream of ' : ''}${linkTo(method.resolvedResponseType)}`
  return [
    `### ${method.name}\n`,
    `Takes ${request}, gives ${response}.\n`,
    `${text}\n`,
    ...(errors.length > 0 ? [`Errors: ${errors.map((code) => `\`${code}\``).join(', ')}.\n`] : []),
  ].join('\n')
}

/** The text of a call's comment, and the codes that it lists after "Errors:", with those of groups. */
function splitErrors(comment) {
  const [text = '', listed = ''] = comment.split(/\s*Errors:\s/)
  const codes = [...listed.matchAll(/those\s+of\s+(\w+)|\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|UNIMPLEMENTED)\b/g)]
  return {
    text,
    errors: [...new Set(codes.flatMap(([, group, code]) => (group ? (GROUPS_OF_ERRORS[group] ?? []) : [code])))],
  }
}

function linkTo(type) {
  const name = fullName(type)
  return name.startsWith('millrace.v1.') ? `[${type.name}](#${type.name.toLowerCase()})` : `\`${name}\``
}

function messageSections({ messages, enums }) {
  return [
    ...messages.map((message) => {
      const rows = message.fieldsArray.map((field) => row(field.id, field.name, typeOf(field), field.comment))
      return section(message, rows.length > 0 ? ['| No. | Field | Type | Meaning |', '|---|---|---|---|', ...rows] : [])
    }),
    ...enums.map((type) => {
      const rows = Object.entries(type.values).map(([name, value]) => row(value, name, type.comments[name]))
      return section(type, ['| No. | Value | Meaning |', '|---|---|---|', ...rows])
    }),
  ]
}

function section({ name, comment }, table) {
  const body = table.length > 0 ? [`${table.join('\n')}\n`] : ['No fields.\n']
  return [`### ${name}\n`, ...(comment ? [`${comment}\n`] : []), ...body].join('\n')
}

function row(number, name, ...cells) {
  const texts = cells.map((cell) => (cell ?? '').replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|'))
  return `| ${[number, `\`${name}\``, ...texts].join(' | ')} |`.replaceAll('|  |', '| |')
}

function typeOf(field) {
  const type = field.resolvedType === null ? field.type : linkTo(field.resolvedType)
  if (field.map) return `map of ${field.keyType} to ${type}`
  if (field.repeated) return `list of ${type}`
  if (field.partOf === null) return type
  return field.partOf.name.startsWith('_') ? `optional ${type}` : `${type}, one of \`${field.partOf.name}\``
}
