import { fileURLToPath } from 'node:url'
import { type Client, credentials, loadPackageDefinition, type Metadata, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const PROTO = fileURLToPath(new URL('../../proto', import.meta.url))

type ServiceName = 'Records' | 'Topics' | 'Groups'
// Messages are plain objects whose shapes stand in the .proto files.
// biome-ignore lint/suspicious/noExplicitAny: proto-loader types nothing
export type Message = any
type UnaryMethod = (request: Message, callback: (error: ServiceError | null, response: Message) => void) => unknown

const definition = loadSync(['millrace/v1/records.proto', 'millrace/v1/topics.proto', 'millrace/v1/groups.proto'], {
  includeDirs: [PROTO],
  longs: String,
  enums: String,
  defaults: true,
})
type Services = Record<
  ServiceName,
  new (
    address: string,
    secrets: ReturnType<typeof credentials.createInsecure>,
  ) => Client
>
const { v1 } = (loadPackageDefinition(definition) as unknown as { millrace: { v1: Services } }).millrace

/** A failed call, as a client that is not ours sees it. */
export class GrpcFailure extends Error {
  /** gRPC's own status number. */
  readonly status: number
  /** What the trailer millrace-code says. */
  readonly code: string
  readonly details: Record<string, unknown>

  constructor(error: ServiceError) {
    super(error.details)
    this.status = error.code
    this.code = trailer(error.metadata, 'millrace-code') ?? ''
    this.details = JSON.parse(trailer(error.metadata, 'millrace-details') ?? '{}')
  }
}

function trailer(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0]
  return value === undefined ? undefined : String(value)
}

/** A client of one service, made from the .proto files by @grpc/grpc-js. */
export function grpcClient(url: string, service: ServiceName): Client & Record<string, UnaryMethod> {
  return new v1[service](new URL(url).host, credentials.createInsecure()) as Client & Record<string, UnaryMethod>
}

/**
 * Makes one unary call.
 * @param method in lower camel case
 * @throws GrpcFailure
 */
export async function grpcCall(url: string, service: ServiceName, method: string, request: Message): Promise<Message> {
  const client = grpcClient(url, service)
  try {
    return await new Promise((resolve, reject) => {
      client[method]?.(request, (error, response) =>
        error === null ? resolve(response) : reject(new GrpcFailure(error)),
      )
    })
  } finally {
    client.close()
  }
}
