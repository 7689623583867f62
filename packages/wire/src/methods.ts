import { millrace } from '../generated/millrace.js'
import { checkElementCount } from './element-count.ts'
import { decodeMessage, encodeMessage, type MessageType } from './message-type.ts'

const { v1 } = millrace

/** A call with one request and one response. */
export interface UnaryMethod<Request, RequestProperties, Response, ResponseProperties> {
  /** The `:path` of its requests. */
  readonly path: string
  encodeRequest(request: RequestProperties): Buffer
  /** Byte fields are views. @throws MillraceError INVALID_REQUEST, REQUEST_TOO_LARGE */
  decodeRequest(bytes: Buffer): Request
  encodeResponse(response: ResponseProperties): Buffer
  /** Byte fields are views. @throws MillraceError INVALID_REQUEST */
  decodeResponse(bytes: Buffer): Response
}

/** A method whose messages are encoded and decoded as they were generated. */
export function unary<Request, RequestProperties, Response, ResponseProperties>(
  path: string,
  request: MessageType<Request, RequestProperties>,
  response: MessageType<Response, ResponseProperties>,
  check?: (request: Buffer) => void,
): UnaryMethod<Request, RequestProperties, Response, ResponseProperties> {
  return {
    path,
    encodeRequest: (message) => encodeMessage(request, message),
    decodeRequest(bytes) {
      check?.(bytes)
      return decodeMessage(request, bytes)
    },
    encodeResponse: (message) => encodeMessage(response, message),
    decodeResponse: (bytes) => decodeMessage(response, bytes),
  }
}

const TOPICS = '/millrace.v1.Topics'
const RECORDS = '/millrace.v1.Records'
const BACKUPS = '/millrace.v1.Backups'
const GROUPS = '/millrace.v1.Groups'

const PRODUCE_RECORDS_TAG = 0x1a

function checkProduce(request: Buffer): void {
  checkElementCount(request, PRODUCE_RECORDS_TAG)
}

/** The unary calls, as `proto/` has them. A `Fetch` response is better encoded with `frameFetchResponse`. */
export const UNARY = {
  createTopic: unary(`${TOPICS}/CreateTopic`, v1.CreateTopicRequest, v1.CreateTopicResponse),
  listTopics: unary(`${TOPICS}/ListTopics`, v1.ListTopicsRequest, v1.ListTopicsResponse),
  describeTopic: unary(`${TOPICS}/DescribeTopic`, v1.DescribeTopicRequest, v1.DescribeTopicResponse),
  alterTopic: unary(`${TOPICS}/AlterTopic`, v1.AlterTopicRequest, v1.AlterTopicResponse),
  deleteTopic: unary(`${TOPICS}/DeleteTopic`, v1.DeleteTopicRequest, v1.DeleteTopicResponse),
  deleteRecords: unary(`${TOPICS}/DeleteRecords`, v1.DeleteRecordsRequest, v1.DeleteRecordsResponse),
  produce: unary(`${RECORDS}/Produce`, v1.ProduceRequest, v1.ProduceResponse, checkProduce),
  fetch: unary(`${RECORDS}/Fetch`, v1.FetchRequest, v1.FetchResponse),
  getOffset: unary(`${RECORDS}/GetOffset`, v1.GetOffsetRequest, v1.GetOffsetResponse),
  initProducer: unary(`${RECORDS}/InitProducer`, v1.InitProducerRequest, v1.InitProducerResponse),
  endTransaction: unary(`${RECORDS}/EndTransaction`, v1.EndTransactionRequest, v1.EndTransactionResponse),
  listTransactions: unary(`${RECORDS}/ListTransactions`, v1.ListTransactionsRequest, v1.ListTransactionsResponse),
  listGroups: unary(`${GROUPS}/ListGroups`, v1.ListGroupsRequest, v1.ListGroupsResponse),
  describeGroup: unary(`${GROUPS}/DescribeGroup`, v1.DescribeGroupRequest, v1.DescribeGroupResponse),
  deleteGroup: unary(`${GROUPS}/DeleteGroup`, v1.DeleteGroupRequest, v1.DeleteGroupResponse),
  commitOffsets: unary(`${GROUPS}/CommitOffsets`, v1.CommitOffsetsRequest, v1.CommitOffsetsResponse),
  fetchOffsets: unary(`${GROUPS}/FetchOffsets`, v1.FetchOffsetsRequest, v1.FetchOffsetsResponse),
  createBackup: unary(`${BACKUPS}/CreateBackup`, v1.CreateBackupRequest, v1.CreateBackupResponse),
  resetOffsets: unary(`${GROUPS}/ResetOffsets`, v1.ResetOffsetsRequest, v1.ResetOffsetsResponse),
}

/** Paths of the streams. */
export const PRODUCE_STREAM_PATH = `${RECORDS}/ProduceStream`
export const FETCH_STREAM_PATH = `${RECORDS}/FetchStream`
export const MEMBERSHIP_PATH = `${GROUPS}/Membership`

/** Requests of a fetch stream. */
export function encodeFetchStreamRequest(request: millrace.v1.FetchStreamRequest.$Properties): Buffer {
  return encodeMessage(v1.FetchStreamRequest, request)
}

/** @throws MillraceError INVALID_REQUEST */
export function decodeFetchStreamRequest(bytes: Buffer): millrace.v1.FetchStreamRequest {
  return decodeMessage(v1.FetchStreamRequest, bytes)
}

export function encodeMemberRequest(request: millrace.v1.MemberRequest.$Properties): Buffer {
  return encodeMessage(v1.MemberRequest, request)
}

/** @throws MillraceError INVALID_REQUEST */
export function decodeMemberRequest(bytes: Buffer): millrace.v1.MemberRequest {
  return decodeMessage(v1.MemberRequest, bytes)
}

export function encodeMemberResponse(response: millrace.v1.MemberResponse.$Properties): Buffer {
  return encodeMessage(v1.MemberResponse, response)
}

/** @throws MillraceError INVALID_REQUEST */
export function decodeMemberResponse(bytes: Buffer): millrace.v1.MemberResponse {
  return decodeMessage(v1.MemberResponse, bytes)
}
