import type protobuf from 'protobufjs/minimal.js'
import { millrace } from '../generated/millrace.js'
import { malformed } from './protobuf.ts'

const { v1 } = millrace

/** A generated message class: what it takes to encode, what it gives when decoded. */
interface MessageType<Message, Properties> {
  encode(message: Properties): protobuf.Writer
  decode(bytes: Uint8Array): Message
}

/** A call with one request and one response. */
export interface UnaryMethod<Request, RequestProperties, Response, ResponseProperties> {
  /** The `:path` of its requests. */
  readonly path: string
  encodeRequest(request: RequestProperties): Buffer
  /** Byte fields are views. @throws MillraceError INVALID_REQUEST */
  decodeRequest(bytes: Buffer): Request
  encodeResponse(response: ResponseProperties): Buffer
  /** Byte fields are views. @throws MillraceError INVALID_REQUEST */
  decodeResponse(bytes: Buffer): Response
}

function unary<Request, RequestProperties, Response, ResponseProperties>(
  path: string,
  request: MessageType<Request, RequestProperties>,
  response: MessageType<Response, ResponseProperties>,
): UnaryMethod<Request, RequestProperties, Response, ResponseProperties> {
  return {
    path,
    encodeRequest: (message) => request.encode(message).finish() as Buffer,
    decodeRequest: (bytes) => decode(request, bytes),
    encodeResponse: (message) => response.encode(message).finish() as Buffer,
    decodeResponse: (bytes) => decode(response, bytes),
  }
}

function decode<Message>(type: MessageType<Message, never>, bytes: Buffer): Message {
  try {
    return type.decode(bytes)
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error))
  }
}

const TOPICS = '/millrace.v1.Topics'
const RECORDS = '/millrace.v1.Records'

/** The unary calls, as `proto/` has them. A `Fetch` response is better encoded with `frameFetchResponse`. */
export const UNARY = {
  createTopic: unary(`${TOPICS}/CreateTopic`, v1.CreateTopicRequest, v1.CreateTopicResponse),
  listTopics: unary(`${TOPICS}/ListTopics`, v1.ListTopicsRequest, v1.ListTopicsResponse),
  describeTopic: unary(`${TOPICS}/DescribeTopic`, v1.DescribeTopicRequest, v1.DescribeTopicResponse),
  deleteTopic: unary(`${TOPICS}/DeleteTopic`, v1.DeleteTopicRequest, v1.DeleteTopicResponse),
  produce: unary(`${RECORDS}/Produce`, v1.ProduceRequest, v1.ProduceResponse),
  fetch: unary(`${RECORDS}/Fetch`, v1.FetchRequest, v1.FetchResponse),
  getOffset: unary(`${RECORDS}/GetOffset`, v1.GetOffsetRequest, v1.GetOffsetResponse),
  initProducer: unary(`${RECORDS}/InitProducer`, v1.InitProducerRequest, v1.InitProducerResponse),
}

/** Paths of the streams. */
export const PRODUCE_STREAM_PATH = `${RECORDS}/ProduceStream`
export const FETCH_STREAM_PATH = `${RECORDS}/FetchStream`

/** Requests of a fetch stream. */
export function encodeFetchStreamRequest(request: millrace.v1.FetchStreamRequest.$Properties): Buffer {
  return v1.FetchStreamRequest.encode(request).finish() as Buffer
}

/** @throws MillraceError INVALID_REQUEST */
export function decodeFetchStreamRequest(bytes: Buffer): millrace.v1.FetchStreamRequest {
  return decode(v1.FetchStreamRequest, bytes)
}
