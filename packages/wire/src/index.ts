export type { ProtoFile } from '../generated/descriptors.js'
export { grpc, millrace } from '../generated/millrace.js'
export { errorFromMessage, errorToMessage } from './errors.ts'
export {
  type AbortedTransaction,
  decodeFetchResponse,
  decodeFetchStreamResponse,
  type FetchPosition,
  type FetchResponse,
  type FetchStreamResponse,
  frameFetchResponse,
  frameFetchStreamError,
  frameFetchStreamResponse,
} from './fetch-codec.ts'
export { FRAME_HEADER_BYTES, frameMessage } from './frame.ts'
export { FrameReader } from './frame-reader.ts'
export { fromInt64, type Int64, toInt64 } from './int64.ts'
export {
  decodeFetchStreamRequest,
  decodeMemberRequest,
  decodeMemberResponse,
  encodeFetchStreamRequest,
  encodeMemberRequest,
  encodeMemberResponse,
  FETCH_STREAM_PATH,
  MEMBERSHIP_PATH,
  PRODUCE_STREAM_PATH,
  UNARY,
  type UnaryMethod,
} from './methods.ts'
export {
  acksOf,
  decodeProduceAcks,
  decodeProduceStreamRequest,
  frameProduceAcks,
  frameProduceStreamRequest,
  type ProduceAck,
  type ProduceStreamRequest,
} from './produce-codec.ts'
export { recordFromMessage, recordToMessage, type WireRecord } from './records.ts'
export {
  decodeReflectionRequest,
  encodeReflectionResponse,
  HEALTH_CHECK,
  HEALTH_WATCH_PATH,
  loadProtoFiles,
  REFLECTION_PATHS,
} from './standard-services.ts'
export {
  errorFromTrailers,
  errorTrailers,
  GRPC_STATUS,
  OK_TRAILERS,
  type Trailers,
} from './status.ts'
