import type { ProtoFile } from '../generated/descriptors.js'
import { grpc } from '../generated/millrace.js'
import { decodeMessage, encodeMessage } from './message-type.ts'
import { unary } from './methods.ts'

/** The services that gRPC itself defines: https://grpc.io/docs/guides/health-checking, …/reflection. */

const health = grpc.health.v1
const reflection = grpc.reflection.v1

export const HEALTH_CHECK = unary('/grpc.health.v1.Health/Check', health.HealthCheckRequest, health.HealthCheckResponse)
/** A stream of answers to one request; its messages are those of `HEALTH_CHECK`. */
export const HEALTH_WATCH_PATH = '/grpc.health.v1.Health/Watch'

/** Both versions have the same messages. */
export const REFLECTION_PATHS: readonly string[] = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
)

/** @throws MillraceError INVALID_REQUEST */
export function decodeReflectionRequest(bytes: Buffer): grpc.reflection.v1.ServerReflectionRequest {
  return decodeMessage(reflection.ServerReflectionRequest, bytes)
}

export function encodeReflectionResponse(response: grpc.reflection.v1.ServerReflectionResponse.$Properties): Buffer {
  return encodeMessage(reflection.ServerReflectionResponse, response)
}

/** The files of proto/, for those who ask: nobody else loads them. */
export async function loadProtoFiles(): Promise<readonly ProtoFile[]> {
  return (await import('../generated/descriptors.js')).PROTO_FILES
}
