// Generated from proto/ by scripts/generate.mjs. Do not edit.
import * as $protobuf from "protobufjs/minimal.js";
import Long = require("long");

/** Namespace millrace. */
export namespace millrace {

    /** Namespace v1. */
    namespace v1 {

        /** When an append is answered. */
        enum Acks {

            /** When the batch is committed, as the topic's flush.policy means it. */
            ACKS_COMMITTED = 0,

            /** When the batch has its offset. */
            ACKS_NONE = 1
        }

        /** Isolation enum. */
        enum Isolation {

            /** Leaves out what open and aborted transactions wrote. */
            ISOLATION_COMMITTED = 0,

            /** ISOLATION_UNCOMMITTED value */
            ISOLATION_UNCOMMITTED = 1
        }

        /**
         * Properties of an Error.
         * @deprecated Use millrace.v1.Error.$Properties instead.
         */
        interface IError extends millrace.v1.Error.$Properties {
        }

        /** A failure of one of several things; a failed call as a whole has its code in the trailer millrace-code. */
        class Error {

            /**
             * Constructs a new Error.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Error.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** A permanent literal, for example TOPIC_NOT_FOUND. */
            code: string;

            /** Error message. */
            message: string;

            /** Facts that a program may want, for example high_watermark. */
            details: { [k: string]: string };

            /**
             * Encodes the specified Error message. Does not implicitly {@link millrace.v1.Error.verify|verify} messages.
             * @param message Error message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Error.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Error message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Error & millrace.v1.Error.$Shape} Error
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Error & millrace.v1.Error.$Shape;
        }

        namespace Error {

            /** Properties of an Error. */
            interface $Properties {

                /** A permanent literal, for example TOPIC_NOT_FOUND. */
                code?: string;

                /** Error message */
                message?: string;

                /** Facts that a program may want, for example high_watermark. */
                details?: { [k: string]: string };

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Error. */
            type $Shape = millrace.v1.Error.$Properties;
        }

        /**
         * Properties of a Header.
         * @deprecated Use millrace.v1.Header.$Properties instead.
         */
        interface IHeader extends millrace.v1.Header.$Properties {
        }

        /** Represents a Header. */
        class Header {

            /**
             * Constructs a new Header.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Header.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Header key. */
            key: string;

            /** Absent: null. */
            value: (Uint8Array|null);

            /**
             * Encodes the specified Header message. Does not implicitly {@link millrace.v1.Header.verify|verify} messages.
             * @param message Header message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Header.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Header message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Header & millrace.v1.Header.$Shape} Header
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Header & millrace.v1.Header.$Shape;
        }

        namespace Header {

            /** Properties of a Header. */
            interface $Properties {

                /** Header key */
                key?: string;

                /** Absent: null. */
                value?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Header. */
            type $Shape = millrace.v1.Header.$Properties;
        }

        /**
         * Properties of a Record.
         * @deprecated Use millrace.v1.Record.$Properties instead.
         */
        interface IRecord extends millrace.v1.Record.$Properties {
        }

        /** A record that the broker puts into a batch. */
        class Record {

            /**
             * Constructs a new Record.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Record.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Absent: no key. */
            key: (Uint8Array|null);

            /** Absent: null, a tombstone. */
            value: (Uint8Array|null);

            /** Record headers. */
            headers: millrace.v1.Header[];

            /** Milliseconds since 1970. Absent: the broker's time. */
            timestamp: (Long|null);

            /** Absent: chosen by the key, or, without one, by the broker. */
            partition: (number|null);

            /**
             * Encodes the specified Record message. Does not implicitly {@link millrace.v1.Record.verify|verify} messages.
             * @param message Record message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Record.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Record message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Record & millrace.v1.Record.$Shape} Record
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Record & millrace.v1.Record.$Shape;
        }

        namespace Record {

            /** Properties of a Record. */
            interface $Properties {

                /** Absent: no key. */
                key?: (Uint8Array|null);

                /** Absent: null, a tombstone. */
                value?: (Uint8Array|null);

                /** Record headers */
                headers?: millrace.v1.Header.$Properties[];

                /** Milliseconds since 1970. Absent: the broker's time. */
                timestamp?: (Long|null);

                /** Absent: chosen by the key, or, without one, by the broker. */
                partition?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Record. */
            type $Shape = millrace.v1.Record.$Properties;
        }

        /**
         * Properties of a ProduceRequest.
         * @deprecated Use millrace.v1.ProduceRequest.$Properties instead.
         */
        interface IProduceRequest extends millrace.v1.ProduceRequest.$Properties {
        }

        /** Represents a ProduceRequest. */
        class ProduceRequest {

            /**
             * Constructs a new ProduceRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ProduceRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ProduceRequest topic. */
            topic: string;

            /** ProduceRequest acks. */
            acks: millrace.v1.Acks;

            /** ProduceRequest records. */
            records: millrace.v1.Record[];

            /**
             * Encodes the specified ProduceRequest message. Does not implicitly {@link millrace.v1.ProduceRequest.verify|verify} messages.
             * @param message ProduceRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ProduceRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ProduceRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ProduceRequest & millrace.v1.ProduceRequest.$Shape} ProduceRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ProduceRequest & millrace.v1.ProduceRequest.$Shape;
        }

        namespace ProduceRequest {

            /** Properties of a ProduceRequest. */
            interface $Properties {

                /** ProduceRequest topic */
                topic?: string;

                /** ProduceRequest acks */
                acks?: millrace.v1.Acks;

                /** ProduceRequest records */
                records?: millrace.v1.Record.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ProduceRequest. */
            type $Shape = millrace.v1.ProduceRequest.$Properties;
        }

        /**
         * Properties of a ProduceResult.
         * @deprecated Use millrace.v1.ProduceResult.$Properties instead.
         */
        interface IProduceResult extends millrace.v1.ProduceResult.$Properties {
        }

        /** What became of one record. */
        class ProduceResult {

            /**
             * Constructs a new ProduceResult.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ProduceResult.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ProduceResult partition. */
            partition: number;

            /** ProduceResult offset. */
            offset: Long;

            /** ProduceResult timestamp. */
            timestamp: Long;

            /** ProduceResult error. */
            error: millrace.v1.Error;

            /**
             * Encodes the specified ProduceResult message. Does not implicitly {@link millrace.v1.ProduceResult.verify|verify} messages.
             * @param message ProduceResult message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ProduceResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ProduceResult message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ProduceResult & millrace.v1.ProduceResult.$Shape} ProduceResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ProduceResult & millrace.v1.ProduceResult.$Shape;
        }

        namespace ProduceResult {

            /** Properties of a ProduceResult. */
            interface $Properties {

                /** ProduceResult partition */
                partition?: number;

                /** ProduceResult offset */
                offset?: Long;

                /** ProduceResult timestamp */
                timestamp?: Long;

                /** ProduceResult error */
                error?: millrace.v1.Error.$Properties;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ProduceResult. */
            type $Shape = millrace.v1.ProduceResult.$Properties;
        }

        /**
         * Properties of a ProduceResponse.
         * @deprecated Use millrace.v1.ProduceResponse.$Properties instead.
         */
        interface IProduceResponse extends millrace.v1.ProduceResponse.$Properties {
        }

        /** Represents a ProduceResponse. */
        class ProduceResponse {

            /**
             * Constructs a new ProduceResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ProduceResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** In the order of the records. */
            results: millrace.v1.ProduceResult[];

            /**
             * Encodes the specified ProduceResponse message. Does not implicitly {@link millrace.v1.ProduceResponse.verify|verify} messages.
             * @param message ProduceResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ProduceResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ProduceResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ProduceResponse & millrace.v1.ProduceResponse.$Shape} ProduceResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ProduceResponse & millrace.v1.ProduceResponse.$Shape;
        }

        namespace ProduceResponse {

            /** Properties of a ProduceResponse. */
            interface $Properties {

                /** In the order of the records. */
                results?: millrace.v1.ProduceResult.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ProduceResponse. */
            type $Shape = millrace.v1.ProduceResponse.$Properties;
        }

        /**
         * Properties of a ProduceStreamRequest.
         * @deprecated Use millrace.v1.ProduceStreamRequest.$Properties instead.
         */
        interface IProduceStreamRequest extends millrace.v1.ProduceStreamRequest.$Properties {
        }

        /** Either a batch or records for one partition. */
        class ProduceStreamRequest {

            /**
             * Constructs a new ProduceStreamRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ProduceStreamRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** The caller's own; its answer carries it. */
            id: Long;

            /** ProduceStreamRequest topic. */
            topic: string;

            /** ProduceStreamRequest partition. */
            partition: number;

            /** ProduceStreamRequest acks. */
            acks: millrace.v1.Acks;

            /** ProduceStreamRequest records. */
            records: millrace.v1.Record[];

            /** One record batch in Kafka's message format v2. */
            batch: Uint8Array;

            /**
             * Encodes the specified ProduceStreamRequest message. Does not implicitly {@link millrace.v1.ProduceStreamRequest.verify|verify} messages.
             * @param message ProduceStreamRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ProduceStreamRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ProduceStreamRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ProduceStreamRequest & millrace.v1.ProduceStreamRequest.$Shape} ProduceStreamRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ProduceStreamRequest & millrace.v1.ProduceStreamRequest.$Shape;
        }

        namespace ProduceStreamRequest {

            /** Properties of a ProduceStreamRequest. */
            interface $Properties {

                /** The caller's own; its answer carries it. */
                id?: Long;

                /** ProduceStreamRequest topic */
                topic?: string;

                /** ProduceStreamRequest partition */
                partition?: number;

                /** ProduceStreamRequest acks */
                acks?: millrace.v1.Acks;

                /** ProduceStreamRequest records */
                records?: millrace.v1.Record.$Properties[];

                /** One record batch in Kafka's message format v2. */
                batch?: Uint8Array;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ProduceStreamRequest. */
            type $Shape = millrace.v1.ProduceStreamRequest.$Properties;
        }

        /**
         * Properties of a ProduceStreamResponse.
         * @deprecated Use millrace.v1.ProduceStreamResponse.$Properties instead.
         */
        interface IProduceStreamResponse extends millrace.v1.ProduceStreamResponse.$Properties {
        }

        /** Represents a ProduceStreamResponse. */
        class ProduceStreamResponse {

            /**
             * Constructs a new ProduceStreamResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ProduceStreamResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ProduceStreamResponse acks. */
            acks: millrace.v1.ProduceAck[];

            /**
             * Encodes the specified ProduceStreamResponse message. Does not implicitly {@link millrace.v1.ProduceStreamResponse.verify|verify} messages.
             * @param message ProduceStreamResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ProduceStreamResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ProduceStreamResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ProduceStreamResponse & millrace.v1.ProduceStreamResponse.$Shape} ProduceStreamResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ProduceStreamResponse & millrace.v1.ProduceStreamResponse.$Shape;
        }

        namespace ProduceStreamResponse {

            /** Properties of a ProduceStreamResponse. */
            interface $Properties {

                /** ProduceStreamResponse acks */
                acks?: millrace.v1.ProduceAck.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ProduceStreamResponse. */
            type $Shape = millrace.v1.ProduceStreamResponse.$Properties;
        }

        /**
         * Properties of a ProduceAck.
         * @deprecated Use millrace.v1.ProduceAck.$Properties instead.
         */
        interface IProduceAck extends millrace.v1.ProduceAck.$Properties {
        }

        /** Represents a ProduceAck. */
        class ProduceAck {

            /**
             * Constructs a new ProduceAck.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ProduceAck.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ProduceAck id. */
            id: Long;

            /** Offset of the first record. */
            baseOffset: Long;

            /** The largest timestamp of the batch as it is stored. */
            timestamp: Long;

            /** The batch had been appended before; base_offset is the first one's. */
            duplicate: boolean;

            /** ProduceAck error. */
            error: millrace.v1.Error;

            /**
             * Encodes the specified ProduceAck message. Does not implicitly {@link millrace.v1.ProduceAck.verify|verify} messages.
             * @param message ProduceAck message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ProduceAck.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ProduceAck message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ProduceAck & millrace.v1.ProduceAck.$Shape} ProduceAck
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ProduceAck & millrace.v1.ProduceAck.$Shape;
        }

        namespace ProduceAck {

            /** Properties of a ProduceAck. */
            interface $Properties {

                /** ProduceAck id */
                id?: Long;

                /** Offset of the first record. */
                baseOffset?: Long;

                /** The largest timestamp of the batch as it is stored. */
                timestamp?: Long;

                /** The batch had been appended before; base_offset is the first one's. */
                duplicate?: boolean;

                /** ProduceAck error */
                error?: millrace.v1.Error.$Properties;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ProduceAck. */
            type $Shape = millrace.v1.ProduceAck.$Properties;
        }

        /**
         * Properties of a Position.
         * @deprecated Use millrace.v1.Position.$Properties instead.
         */
        interface IPosition extends millrace.v1.Position.$Properties {
        }

        /** Where to read from. Nothing set: the earliest offset. */
        class Position {

            /**
             * Constructs a new Position.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Position.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Position offset. */
            offset: (Long|null);

            /** Position earliest. */
            earliest: (boolean|null);

            /** After the last committed record. */
            latest: (boolean|null);

            /** The first record at or after this time, in ms since 1970; where there is none, the latest. */
            timestamp: (Long|null);

            /** Position at. */
            at?: ("offset"|"earliest"|"latest"|"timestamp");

            /**
             * Encodes the specified Position message. Does not implicitly {@link millrace.v1.Position.verify|verify} messages.
             * @param message Position message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Position.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Position message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Position & millrace.v1.Position.$Shape} Position
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Position & millrace.v1.Position.$Shape;
        }

        namespace Position {

            /** Properties of a Position. */
            interface $Properties {

                /** Position offset */
                offset?: (Long|null);

                /** Position earliest */
                earliest?: (boolean|null);

                /** After the last committed record. */
                latest?: (boolean|null);

                /** The first record at or after this time, in ms since 1970; where there is none, the latest. */
                timestamp?: (Long|null);

                /** Position at */
                at?: ("offset"|"earliest"|"latest"|"timestamp");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Position. */
            type $Shape = {
              offset?: Long|null;
              earliest?: boolean|null;
              latest?: boolean|null;
              timestamp?: Long|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ at?: undefined; offset?: null; earliest?: null; latest?: null; timestamp?: null }|{ at?: "offset"; offset: Long; earliest?: null; latest?: null; timestamp?: null }|{ at?: "earliest"; offset?: null; earliest: boolean; latest?: null; timestamp?: null }|{ at?: "latest"; offset?: null; earliest?: null; latest: boolean; timestamp?: null }|{ at?: "timestamp"; offset?: null; earliest?: null; latest?: null; timestamp: Long })
            );
        }

        /**
         * Properties of a FetchRequest.
         * @deprecated Use millrace.v1.FetchRequest.$Properties instead.
         */
        interface IFetchRequest extends millrace.v1.FetchRequest.$Properties {
        }

        /** Represents a FetchRequest. */
        class FetchRequest {

            /**
             * Constructs a new FetchRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.FetchRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FetchRequest topic. */
            topic: string;

            /** FetchRequest partition. */
            partition: number;

            /** FetchRequest from. */
            from: millrace.v1.Position;

            /** 0: as much as the server allows. */
            maxBytes: number;

            /** How long to wait when there is nothing yet. */
            waitMs: number;

            /** FetchRequest isolation. */
            isolation: millrace.v1.Isolation;

            /**
             * Encodes the specified FetchRequest message. Does not implicitly {@link millrace.v1.FetchRequest.verify|verify} messages.
             * @param message FetchRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.FetchRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FetchRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.FetchRequest & millrace.v1.FetchRequest.$Shape} FetchRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.FetchRequest & millrace.v1.FetchRequest.$Shape;
        }

        namespace FetchRequest {

            /** Properties of a FetchRequest. */
            interface $Properties {

                /** FetchRequest topic */
                topic?: string;

                /** FetchRequest partition */
                partition?: number;

                /** FetchRequest from */
                from?: millrace.v1.Position.$Properties;

                /** 0: as much as the server allows. */
                maxBytes?: number;

                /** How long to wait when there is nothing yet. */
                waitMs?: number;

                /** FetchRequest isolation */
                isolation?: millrace.v1.Isolation;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FetchRequest. */
            type $Shape = {
              topic?: string;
              partition?: number;
              from?: millrace.v1.Position.$Shape;
              maxBytes?: number;
              waitMs?: number;
              isolation?: millrace.v1.Isolation;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an AbortedTransaction.
         * @deprecated Use millrace.v1.AbortedTransaction.$Properties instead.
         */
        interface IAbortedTransaction extends millrace.v1.AbortedTransaction.$Properties {
        }

        /** Represents an AbortedTransaction. */
        class AbortedTransaction {

            /**
             * Constructs a new AbortedTransaction.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.AbortedTransaction.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AbortedTransaction producerId. */
            producerId: Long;

            /** AbortedTransaction firstOffset. */
            firstOffset: Long;

            /**
             * Encodes the specified AbortedTransaction message. Does not implicitly {@link millrace.v1.AbortedTransaction.verify|verify} messages.
             * @param message AbortedTransaction message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.AbortedTransaction.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AbortedTransaction message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.AbortedTransaction & millrace.v1.AbortedTransaction.$Shape} AbortedTransaction
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.AbortedTransaction & millrace.v1.AbortedTransaction.$Shape;
        }

        namespace AbortedTransaction {

            /** Properties of an AbortedTransaction. */
            interface $Properties {

                /** AbortedTransaction producerId */
                producerId?: Long;

                /** AbortedTransaction firstOffset */
                firstOffset?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AbortedTransaction. */
            type $Shape = millrace.v1.AbortedTransaction.$Properties;
        }

        /**
         * Properties of a FetchResponse.
         * @deprecated Use millrace.v1.FetchResponse.$Properties instead.
         */
        interface IFetchResponse extends millrace.v1.FetchResponse.$Properties {
        }

        /** Represents a FetchResponse. */
        class FetchResponse {

            /**
             * Constructs a new FetchResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.FetchResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FetchResponse nextOffset. */
            nextOffset: Long;

            /** FetchResponse logStartOffset. */
            logStartOffset: Long;

            /** FetchResponse highWatermark. */
            highWatermark: Long;

            /** FetchResponse lastStableOffset. */
            lastStableOffset: Long;

            /** FetchResponse abortedTransactions. */
            abortedTransactions: millrace.v1.AbortedTransaction[];

            /** Whole batches, back to back, as they are stored. The first may begin before the offset that was asked for. */
            batches: Uint8Array;

            /**
             * Encodes the specified FetchResponse message. Does not implicitly {@link millrace.v1.FetchResponse.verify|verify} messages.
             * @param message FetchResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.FetchResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FetchResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.FetchResponse & millrace.v1.FetchResponse.$Shape} FetchResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.FetchResponse & millrace.v1.FetchResponse.$Shape;
        }

        namespace FetchResponse {

            /** Properties of a FetchResponse. */
            interface $Properties {

                /** FetchResponse nextOffset */
                nextOffset?: Long;

                /** FetchResponse logStartOffset */
                logStartOffset?: Long;

                /** FetchResponse highWatermark */
                highWatermark?: Long;

                /** FetchResponse lastStableOffset */
                lastStableOffset?: Long;

                /** FetchResponse abortedTransactions */
                abortedTransactions?: millrace.v1.AbortedTransaction.$Properties[];

                /** Whole batches, back to back, as they are stored. The first may begin before the offset that was asked for. */
                batches?: Uint8Array;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FetchResponse. */
            type $Shape = millrace.v1.FetchResponse.$Properties;
        }

        /**
         * Properties of a FetchStreamRequest.
         * @deprecated Use millrace.v1.FetchStreamRequest.$Properties instead.
         */
        interface IFetchStreamRequest extends millrace.v1.FetchStreamRequest.$Properties {
        }

        /** Represents a FetchStreamRequest. */
        class FetchStreamRequest {

            /**
             * Constructs a new FetchStreamRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.FetchStreamRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FetchStreamRequest add. */
            add: (millrace.v1.AddPartition|null);

            /** FetchStreamRequest seek. */
            seek: (millrace.v1.SeekPartition|null);

            /** FetchStreamRequest remove. */
            remove: (millrace.v1.RemovePartition|null);

            /** FetchStreamRequest grant. */
            grant: (millrace.v1.GrantBytes|null);

            /** FetchStreamRequest action. */
            action?: ("add"|"seek"|"remove"|"grant");

            /**
             * Encodes the specified FetchStreamRequest message. Does not implicitly {@link millrace.v1.FetchStreamRequest.verify|verify} messages.
             * @param message FetchStreamRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.FetchStreamRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FetchStreamRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.FetchStreamRequest & millrace.v1.FetchStreamRequest.$Shape} FetchStreamRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.FetchStreamRequest & millrace.v1.FetchStreamRequest.$Shape;
        }

        namespace FetchStreamRequest {

            /** Properties of a FetchStreamRequest. */
            interface $Properties {

                /** FetchStreamRequest add */
                add?: (millrace.v1.AddPartition.$Properties|null);

                /** FetchStreamRequest seek */
                seek?: (millrace.v1.SeekPartition.$Properties|null);

                /** FetchStreamRequest remove */
                remove?: (millrace.v1.RemovePartition.$Properties|null);

                /** FetchStreamRequest grant */
                grant?: (millrace.v1.GrantBytes.$Properties|null);

                /** FetchStreamRequest action */
                action?: ("add"|"seek"|"remove"|"grant");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a FetchStreamRequest. */
            type $Shape = {
              add?: millrace.v1.AddPartition.$Shape|null;
              seek?: millrace.v1.SeekPartition.$Shape|null;
              remove?: millrace.v1.RemovePartition.$Shape|null;
              grant?: millrace.v1.GrantBytes.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ action?: undefined; add?: null; seek?: null; remove?: null; grant?: null }|{ action?: "add"; add: millrace.v1.AddPartition.$Shape; seek?: null; remove?: null; grant?: null }|{ action?: "seek"; add?: null; seek: millrace.v1.SeekPartition.$Shape; remove?: null; grant?: null }|{ action?: "remove"; add?: null; seek?: null; remove: millrace.v1.RemovePartition.$Shape; grant?: null }|{ action?: "grant"; add?: null; seek?: null; remove?: null; grant: millrace.v1.GrantBytes.$Shape })
            );
        }

        /**
         * Properties of an AddPartition.
         * @deprecated Use millrace.v1.AddPartition.$Properties instead.
         */
        interface IAddPartition extends millrace.v1.AddPartition.$Properties {
        }

        /** Begins to follow a partition. */
        class AddPartition {

            /**
             * Constructs a new AddPartition.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.AddPartition.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** The caller's own number for it, unused so far on this stream. */
            subscription: number;

            /** AddPartition topic. */
            topic: string;

            /** AddPartition partition. */
            partition: number;

            /** AddPartition from. */
            from: millrace.v1.Position;

            /** AddPartition isolation. */
            isolation: millrace.v1.Isolation;

            /** The first grant. */
            bytes: Long;

            /**
             * Encodes the specified AddPartition message. Does not implicitly {@link millrace.v1.AddPartition.verify|verify} messages.
             * @param message AddPartition message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.AddPartition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AddPartition message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.AddPartition & millrace.v1.AddPartition.$Shape} AddPartition
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.AddPartition & millrace.v1.AddPartition.$Shape;
        }

        namespace AddPartition {

            /** Properties of an AddPartition. */
            interface $Properties {

                /** The caller's own number for it, unused so far on this stream. */
                subscription?: number;

                /** AddPartition topic */
                topic?: string;

                /** AddPartition partition */
                partition?: number;

                /** AddPartition from */
                from?: millrace.v1.Position.$Properties;

                /** AddPartition isolation */
                isolation?: millrace.v1.Isolation;

                /** The first grant. */
                bytes?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AddPartition. */
            type $Shape = {
              subscription?: number;
              topic?: string;
              partition?: number;
              from?: millrace.v1.Position.$Shape;
              isolation?: millrace.v1.Isolation;
              bytes?: Long;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a SeekPartition.
         * @deprecated Use millrace.v1.SeekPartition.$Properties instead.
         */
        interface ISeekPartition extends millrace.v1.SeekPartition.$Properties {
        }

        /** Reads on elsewhere. What the server sends from then on carries the generation. */
        class SeekPartition {

            /**
             * Constructs a new SeekPartition.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.SeekPartition.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** SeekPartition subscription. */
            subscription: number;

            /** SeekPartition from. */
            from: millrace.v1.Position;

            /** Larger than any before; AddPartition begins at 0. */
            generation: number;

            /**
             * Encodes the specified SeekPartition message. Does not implicitly {@link millrace.v1.SeekPartition.verify|verify} messages.
             * @param message SeekPartition message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.SeekPartition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a SeekPartition message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.SeekPartition & millrace.v1.SeekPartition.$Shape} SeekPartition
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.SeekPartition & millrace.v1.SeekPartition.$Shape;
        }

        namespace SeekPartition {

            /** Properties of a SeekPartition. */
            interface $Properties {

                /** SeekPartition subscription */
                subscription?: number;

                /** SeekPartition from */
                from?: millrace.v1.Position.$Properties;

                /** Larger than any before; AddPartition begins at 0. */
                generation?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a SeekPartition. */
            type $Shape = {
              subscription?: number;
              from?: millrace.v1.Position.$Shape;
              generation?: number;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a RemovePartition.
         * @deprecated Use millrace.v1.RemovePartition.$Properties instead.
         */
        interface IRemovePartition extends millrace.v1.RemovePartition.$Properties {
        }

        /** Represents a RemovePartition. */
        class RemovePartition {

            /**
             * Constructs a new RemovePartition.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.RemovePartition.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** RemovePartition subscription. */
            subscription: number;

            /**
             * Encodes the specified RemovePartition message. Does not implicitly {@link millrace.v1.RemovePartition.verify|verify} messages.
             * @param message RemovePartition message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.RemovePartition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a RemovePartition message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.RemovePartition & millrace.v1.RemovePartition.$Shape} RemovePartition
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.RemovePartition & millrace.v1.RemovePartition.$Shape;
        }

        namespace RemovePartition {

            /** Properties of a RemovePartition. */
            interface $Properties {

                /** RemovePartition subscription */
                subscription?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a RemovePartition. */
            type $Shape = millrace.v1.RemovePartition.$Properties;
        }

        /**
         * Properties of a GrantBytes.
         * @deprecated Use millrace.v1.GrantBytes.$Properties instead.
         */
        interface IGrantBytes extends millrace.v1.GrantBytes.$Properties {
        }

        /** Adds to the bytes that the server may send for a partition. The last batch may go over; the excess is owed. */
        class GrantBytes {

            /**
             * Constructs a new GrantBytes.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.GrantBytes.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GrantBytes subscription. */
            subscription: number;

            /** GrantBytes bytes. */
            bytes: Long;

            /**
             * Encodes the specified GrantBytes message. Does not implicitly {@link millrace.v1.GrantBytes.verify|verify} messages.
             * @param message GrantBytes message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.GrantBytes.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GrantBytes message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.GrantBytes & millrace.v1.GrantBytes.$Shape} GrantBytes
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GrantBytes & millrace.v1.GrantBytes.$Shape;
        }

        namespace GrantBytes {

            /** Properties of a GrantBytes. */
            interface $Properties {

                /** GrantBytes subscription */
                subscription?: number;

                /** GrantBytes bytes */
                bytes?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GrantBytes. */
            type $Shape = millrace.v1.GrantBytes.$Properties;
        }

        /**
         * Properties of a FetchStreamResponse.
         * @deprecated Use millrace.v1.FetchStreamResponse.$Properties instead.
         */
        interface IFetchStreamResponse extends millrace.v1.FetchStreamResponse.$Properties {
        }

        /** The answer to AddPartition and SeekPartition comes first, without batches: next_offset is where reading begins. */
        class FetchStreamResponse {

            /**
             * Constructs a new FetchStreamResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.FetchStreamResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FetchStreamResponse subscription. */
            subscription: number;

            /** FetchStreamResponse generation. */
            generation: number;

            /** FetchStreamResponse nextOffset. */
            nextOffset: Long;

            /** FetchStreamResponse logStartOffset. */
            logStartOffset: Long;

            /** FetchStreamResponse highWatermark. */
            highWatermark: Long;

            /** FetchStreamResponse lastStableOffset. */
            lastStableOffset: Long;

            /** FetchStreamResponse abortedTransactions. */
            abortedTransactions: millrace.v1.AbortedTransaction[];

            /** Ends the subscription, or, with OFFSET_OUT_OF_RANGE, leaves it waiting for a seek. */
            error: millrace.v1.Error;

            /** Whole batches, back to back, as they are stored. The first may begin before the offset that was asked for. */
            batches: Uint8Array;

            /**
             * Encodes the specified FetchStreamResponse message. Does not implicitly {@link millrace.v1.FetchStreamResponse.verify|verify} messages.
             * @param message FetchStreamResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.FetchStreamResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FetchStreamResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.FetchStreamResponse & millrace.v1.FetchStreamResponse.$Shape} FetchStreamResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.FetchStreamResponse & millrace.v1.FetchStreamResponse.$Shape;
        }

        namespace FetchStreamResponse {

            /** Properties of a FetchStreamResponse. */
            interface $Properties {

                /** FetchStreamResponse subscription */
                subscription?: number;

                /** FetchStreamResponse generation */
                generation?: number;

                /** FetchStreamResponse nextOffset */
                nextOffset?: Long;

                /** FetchStreamResponse logStartOffset */
                logStartOffset?: Long;

                /** FetchStreamResponse highWatermark */
                highWatermark?: Long;

                /** FetchStreamResponse lastStableOffset */
                lastStableOffset?: Long;

                /** FetchStreamResponse abortedTransactions */
                abortedTransactions?: millrace.v1.AbortedTransaction.$Properties[];

                /** Ends the subscription, or, with OFFSET_OUT_OF_RANGE, leaves it waiting for a seek. */
                error?: millrace.v1.Error.$Properties;

                /** Whole batches, back to back, as they are stored. The first may begin before the offset that was asked for. */
                batches?: Uint8Array;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FetchStreamResponse. */
            type $Shape = millrace.v1.FetchStreamResponse.$Properties;
        }

        /**
         * Properties of a GetOffsetRequest.
         * @deprecated Use millrace.v1.GetOffsetRequest.$Properties instead.
         */
        interface IGetOffsetRequest extends millrace.v1.GetOffsetRequest.$Properties {
        }

        /** Represents a GetOffsetRequest. */
        class GetOffsetRequest {

            /**
             * Constructs a new GetOffsetRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.GetOffsetRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetOffsetRequest topic. */
            topic: string;

            /** GetOffsetRequest partition. */
            partition: number;

            /** GetOffsetRequest at. */
            at: millrace.v1.Position;

            /**
             * Encodes the specified GetOffsetRequest message. Does not implicitly {@link millrace.v1.GetOffsetRequest.verify|verify} messages.
             * @param message GetOffsetRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.GetOffsetRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetOffsetRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.GetOffsetRequest & millrace.v1.GetOffsetRequest.$Shape} GetOffsetRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GetOffsetRequest & millrace.v1.GetOffsetRequest.$Shape;
        }

        namespace GetOffsetRequest {

            /** Properties of a GetOffsetRequest. */
            interface $Properties {

                /** GetOffsetRequest topic */
                topic?: string;

                /** GetOffsetRequest partition */
                partition?: number;

                /** GetOffsetRequest at */
                at?: millrace.v1.Position.$Properties;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetOffsetRequest. */
            type $Shape = {
              topic?: string;
              partition?: number;
              at?: millrace.v1.Position.$Shape;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a GetOffsetResponse.
         * @deprecated Use millrace.v1.GetOffsetResponse.$Properties instead.
         */
        interface IGetOffsetResponse extends millrace.v1.GetOffsetResponse.$Properties {
        }

        /** Represents a GetOffsetResponse. */
        class GetOffsetResponse {

            /**
             * Constructs a new GetOffsetResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.GetOffsetResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetOffsetResponse offset. */
            offset: Long;

            /** The timestamp of the record at the offset, when the offset was found by time. */
            timestamp: (Long|null);

            /** False when there is no record at or after the time; the offset is then the latest. */
            found: boolean;

            /**
             * Encodes the specified GetOffsetResponse message. Does not implicitly {@link millrace.v1.GetOffsetResponse.verify|verify} messages.
             * @param message GetOffsetResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.GetOffsetResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetOffsetResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.GetOffsetResponse & millrace.v1.GetOffsetResponse.$Shape} GetOffsetResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GetOffsetResponse & millrace.v1.GetOffsetResponse.$Shape;
        }

        namespace GetOffsetResponse {

            /** Properties of a GetOffsetResponse. */
            interface $Properties {

                /** GetOffsetResponse offset */
                offset?: Long;

                /** The timestamp of the record at the offset, when the offset was found by time. */
                timestamp?: (Long|null);

                /** False when there is no record at or after the time; the offset is then the latest. */
                found?: boolean;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetOffsetResponse. */
            type $Shape = millrace.v1.GetOffsetResponse.$Properties;
        }

        /**
         * Properties of an InitProducerRequest.
         * @deprecated Use millrace.v1.InitProducerRequest.$Properties instead.
         */
        interface IInitProducerRequest extends millrace.v1.InitProducerRequest.$Properties {
        }

        /** Represents an InitProducerRequest. */
        class InitProducerRequest {

            /**
             * Constructs a new InitProducerRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.InitProducerRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified InitProducerRequest message. Does not implicitly {@link millrace.v1.InitProducerRequest.verify|verify} messages.
             * @param message InitProducerRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.InitProducerRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an InitProducerRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.InitProducerRequest & millrace.v1.InitProducerRequest.$Shape} InitProducerRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.InitProducerRequest & millrace.v1.InitProducerRequest.$Shape;
        }

        namespace InitProducerRequest {

            /** Properties of an InitProducerRequest. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an InitProducerRequest. */
            type $Shape = millrace.v1.InitProducerRequest.$Properties;
        }

        /**
         * Properties of an InitProducerResponse.
         * @deprecated Use millrace.v1.InitProducerResponse.$Properties instead.
         */
        interface IInitProducerResponse extends millrace.v1.InitProducerResponse.$Properties {
        }

        /** Represents an InitProducerResponse. */
        class InitProducerResponse {

            /**
             * Constructs a new InitProducerResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.InitProducerResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** InitProducerResponse producerId. */
            producerId: Long;

            /** InitProducerResponse producerEpoch. */
            producerEpoch: number;

            /**
             * Encodes the specified InitProducerResponse message. Does not implicitly {@link millrace.v1.InitProducerResponse.verify|verify} messages.
             * @param message InitProducerResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.InitProducerResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an InitProducerResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.InitProducerResponse & millrace.v1.InitProducerResponse.$Shape} InitProducerResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.InitProducerResponse & millrace.v1.InitProducerResponse.$Shape;
        }

        namespace InitProducerResponse {

            /** Properties of an InitProducerResponse. */
            interface $Properties {

                /** InitProducerResponse producerId */
                producerId?: Long;

                /** InitProducerResponse producerEpoch */
                producerEpoch?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an InitProducerResponse. */
            type $Shape = millrace.v1.InitProducerResponse.$Properties;
        }

        /**
         * Properties of a Topic.
         * @deprecated Use millrace.v1.Topic.$Properties instead.
         */
        interface ITopic extends millrace.v1.Topic.$Properties {
        }

        /** A topic, without the state of its partitions. */
        class Topic {

            /**
             * Constructs a new Topic.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Topic.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Topic name. */
            name: string;

            /** UUID, the topic's for life. */
            id: string;

            /** Topic partitions. */
            partitions: number;

            /** Milliseconds since 1970. */
            createdAtMs: Long;

            /**
             * Encodes the specified Topic message. Does not implicitly {@link millrace.v1.Topic.verify|verify} messages.
             * @param message Topic message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Topic.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Topic message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Topic & millrace.v1.Topic.$Shape} Topic
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Topic & millrace.v1.Topic.$Shape;
        }

        namespace Topic {

            /** Properties of a Topic. */
            interface $Properties {

                /** Topic name */
                name?: string;

                /** UUID, the topic's for life. */
                id?: string;

                /** Topic partitions */
                partitions?: number;

                /** Milliseconds since 1970. */
                createdAtMs?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Topic. */
            type $Shape = millrace.v1.Topic.$Properties;
        }

        /**
         * Properties of a PartitionStatus.
         * @deprecated Use millrace.v1.PartitionStatus.$Properties instead.
         */
        interface IPartitionStatus extends millrace.v1.PartitionStatus.$Properties {
        }

        /** Offsets are exclusive ends, but for the log start. */
        class PartitionStatus {

            /**
             * Constructs a new PartitionStatus.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.PartitionStatus.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** PartitionStatus partition. */
            partition: number;

            /** PartitionStatus logStartOffset. */
            logStartOffset: Long;

            /** PartitionStatus highWatermark. */
            highWatermark: Long;

            /** PartitionStatus lastStableOffset. */
            lastStableOffset: Long;

            /** PartitionStatus sizeBytes. */
            sizeBytes: Long;

            /** PartitionStatus leaderEpoch. */
            leaderEpoch: number;

            /**
             * Encodes the specified PartitionStatus message. Does not implicitly {@link millrace.v1.PartitionStatus.verify|verify} messages.
             * @param message PartitionStatus message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.PartitionStatus.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a PartitionStatus message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.PartitionStatus & millrace.v1.PartitionStatus.$Shape} PartitionStatus
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.PartitionStatus & millrace.v1.PartitionStatus.$Shape;
        }

        namespace PartitionStatus {

            /** Properties of a PartitionStatus. */
            interface $Properties {

                /** PartitionStatus partition */
                partition?: number;

                /** PartitionStatus logStartOffset */
                logStartOffset?: Long;

                /** PartitionStatus highWatermark */
                highWatermark?: Long;

                /** PartitionStatus lastStableOffset */
                lastStableOffset?: Long;

                /** PartitionStatus sizeBytes */
                sizeBytes?: Long;

                /** PartitionStatus leaderEpoch */
                leaderEpoch?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a PartitionStatus. */
            type $Shape = millrace.v1.PartitionStatus.$Properties;
        }

        /**
         * Properties of a CreateTopicRequest.
         * @deprecated Use millrace.v1.CreateTopicRequest.$Properties instead.
         */
        interface ICreateTopicRequest extends millrace.v1.CreateTopicRequest.$Properties {
        }

        /** Represents a CreateTopicRequest. */
        class CreateTopicRequest {

            /**
             * Constructs a new CreateTopicRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.CreateTopicRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CreateTopicRequest name. */
            name: string;

            /** 0: one partition. */
            partitions: number;

            /** Settings by their Kafka names. */
            config: { [k: string]: string };

            /**
             * Encodes the specified CreateTopicRequest message. Does not implicitly {@link millrace.v1.CreateTopicRequest.verify|verify} messages.
             * @param message CreateTopicRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.CreateTopicRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CreateTopicRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.CreateTopicRequest & millrace.v1.CreateTopicRequest.$Shape} CreateTopicRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CreateTopicRequest & millrace.v1.CreateTopicRequest.$Shape;
        }

        namespace CreateTopicRequest {

            /** Properties of a CreateTopicRequest. */
            interface $Properties {

                /** CreateTopicRequest name */
                name?: string;

                /** 0: one partition. */
                partitions?: number;

                /** Settings by their Kafka names. */
                config?: { [k: string]: string };

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CreateTopicRequest. */
            type $Shape = millrace.v1.CreateTopicRequest.$Properties;
        }

        /**
         * Properties of a CreateTopicResponse.
         * @deprecated Use millrace.v1.CreateTopicResponse.$Properties instead.
         */
        interface ICreateTopicResponse extends millrace.v1.CreateTopicResponse.$Properties {
        }

        /** Represents a CreateTopicResponse. */
        class CreateTopicResponse {

            /**
             * Constructs a new CreateTopicResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.CreateTopicResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CreateTopicResponse topic. */
            topic: millrace.v1.Topic;

            /**
             * Encodes the specified CreateTopicResponse message. Does not implicitly {@link millrace.v1.CreateTopicResponse.verify|verify} messages.
             * @param message CreateTopicResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.CreateTopicResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CreateTopicResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.CreateTopicResponse & millrace.v1.CreateTopicResponse.$Shape} CreateTopicResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CreateTopicResponse & millrace.v1.CreateTopicResponse.$Shape;
        }

        namespace CreateTopicResponse {

            /** Properties of a CreateTopicResponse. */
            interface $Properties {

                /** CreateTopicResponse topic */
                topic?: millrace.v1.Topic.$Properties;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CreateTopicResponse. */
            type $Shape = millrace.v1.CreateTopicResponse.$Properties;
        }

        /**
         * Properties of a ListTopicsRequest.
         * @deprecated Use millrace.v1.ListTopicsRequest.$Properties instead.
         */
        interface IListTopicsRequest extends millrace.v1.ListTopicsRequest.$Properties {
        }

        /** Represents a ListTopicsRequest. */
        class ListTopicsRequest {

            /**
             * Constructs a new ListTopicsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ListTopicsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified ListTopicsRequest message. Does not implicitly {@link millrace.v1.ListTopicsRequest.verify|verify} messages.
             * @param message ListTopicsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ListTopicsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListTopicsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ListTopicsRequest & millrace.v1.ListTopicsRequest.$Shape} ListTopicsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ListTopicsRequest & millrace.v1.ListTopicsRequest.$Shape;
        }

        namespace ListTopicsRequest {

            /** Properties of a ListTopicsRequest. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListTopicsRequest. */
            type $Shape = millrace.v1.ListTopicsRequest.$Properties;
        }

        /**
         * Properties of a ListTopicsResponse.
         * @deprecated Use millrace.v1.ListTopicsResponse.$Properties instead.
         */
        interface IListTopicsResponse extends millrace.v1.ListTopicsResponse.$Properties {
        }

        /** Represents a ListTopicsResponse. */
        class ListTopicsResponse {

            /**
             * Constructs a new ListTopicsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ListTopicsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListTopicsResponse topics. */
            topics: millrace.v1.Topic[];

            /**
             * Encodes the specified ListTopicsResponse message. Does not implicitly {@link millrace.v1.ListTopicsResponse.verify|verify} messages.
             * @param message ListTopicsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ListTopicsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListTopicsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ListTopicsResponse & millrace.v1.ListTopicsResponse.$Shape} ListTopicsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ListTopicsResponse & millrace.v1.ListTopicsResponse.$Shape;
        }

        namespace ListTopicsResponse {

            /** Properties of a ListTopicsResponse. */
            interface $Properties {

                /** ListTopicsResponse topics */
                topics?: millrace.v1.Topic.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListTopicsResponse. */
            type $Shape = millrace.v1.ListTopicsResponse.$Properties;
        }

        /**
         * Properties of a DescribeTopicRequest.
         * @deprecated Use millrace.v1.DescribeTopicRequest.$Properties instead.
         */
        interface IDescribeTopicRequest extends millrace.v1.DescribeTopicRequest.$Properties {
        }

        /** Represents a DescribeTopicRequest. */
        class DescribeTopicRequest {

            /**
             * Constructs a new DescribeTopicRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DescribeTopicRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeTopicRequest name. */
            name: string;

            /**
             * Encodes the specified DescribeTopicRequest message. Does not implicitly {@link millrace.v1.DescribeTopicRequest.verify|verify} messages.
             * @param message DescribeTopicRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DescribeTopicRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeTopicRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DescribeTopicRequest & millrace.v1.DescribeTopicRequest.$Shape} DescribeTopicRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DescribeTopicRequest & millrace.v1.DescribeTopicRequest.$Shape;
        }

        namespace DescribeTopicRequest {

            /** Properties of a DescribeTopicRequest. */
            interface $Properties {

                /** DescribeTopicRequest name */
                name?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeTopicRequest. */
            type $Shape = millrace.v1.DescribeTopicRequest.$Properties;
        }

        /**
         * Properties of a DescribeTopicResponse.
         * @deprecated Use millrace.v1.DescribeTopicResponse.$Properties instead.
         */
        interface IDescribeTopicResponse extends millrace.v1.DescribeTopicResponse.$Properties {
        }

        /** Represents a DescribeTopicResponse. */
        class DescribeTopicResponse {

            /**
             * Constructs a new DescribeTopicResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DescribeTopicResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeTopicResponse topic. */
            topic: millrace.v1.Topic;

            /** All settings, defaults included. */
            config: { [k: string]: string };

            /** DescribeTopicResponse partitions. */
            partitions: millrace.v1.PartitionStatus[];

            /**
             * Encodes the specified DescribeTopicResponse message. Does not implicitly {@link millrace.v1.DescribeTopicResponse.verify|verify} messages.
             * @param message DescribeTopicResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DescribeTopicResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeTopicResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DescribeTopicResponse & millrace.v1.DescribeTopicResponse.$Shape} DescribeTopicResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DescribeTopicResponse & millrace.v1.DescribeTopicResponse.$Shape;
        }

        namespace DescribeTopicResponse {

            /** Properties of a DescribeTopicResponse. */
            interface $Properties {

                /** DescribeTopicResponse topic */
                topic?: millrace.v1.Topic.$Properties;

                /** All settings, defaults included. */
                config?: { [k: string]: string };

                /** DescribeTopicResponse partitions */
                partitions?: millrace.v1.PartitionStatus.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeTopicResponse. */
            type $Shape = millrace.v1.DescribeTopicResponse.$Properties;
        }

        /**
         * Properties of a DeleteTopicRequest.
         * @deprecated Use millrace.v1.DeleteTopicRequest.$Properties instead.
         */
        interface IDeleteTopicRequest extends millrace.v1.DeleteTopicRequest.$Properties {
        }

        /** Represents a DeleteTopicRequest. */
        class DeleteTopicRequest {

            /**
             * Constructs a new DeleteTopicRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DeleteTopicRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DeleteTopicRequest name. */
            name: string;

            /**
             * Encodes the specified DeleteTopicRequest message. Does not implicitly {@link millrace.v1.DeleteTopicRequest.verify|verify} messages.
             * @param message DeleteTopicRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DeleteTopicRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DeleteTopicRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DeleteTopicRequest & millrace.v1.DeleteTopicRequest.$Shape} DeleteTopicRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DeleteTopicRequest & millrace.v1.DeleteTopicRequest.$Shape;
        }

        namespace DeleteTopicRequest {

            /** Properties of a DeleteTopicRequest. */
            interface $Properties {

                /** DeleteTopicRequest name */
                name?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DeleteTopicRequest. */
            type $Shape = millrace.v1.DeleteTopicRequest.$Properties;
        }

        /**
         * Properties of a DeleteTopicResponse.
         * @deprecated Use millrace.v1.DeleteTopicResponse.$Properties instead.
         */
        interface IDeleteTopicResponse extends millrace.v1.DeleteTopicResponse.$Properties {
        }

        /** Represents a DeleteTopicResponse. */
        class DeleteTopicResponse {

            /**
             * Constructs a new DeleteTopicResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DeleteTopicResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified DeleteTopicResponse message. Does not implicitly {@link millrace.v1.DeleteTopicResponse.verify|verify} messages.
             * @param message DeleteTopicResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DeleteTopicResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DeleteTopicResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DeleteTopicResponse & millrace.v1.DeleteTopicResponse.$Shape} DeleteTopicResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DeleteTopicResponse & millrace.v1.DeleteTopicResponse.$Shape;
        }

        namespace DeleteTopicResponse {

            /** Properties of a DeleteTopicResponse. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DeleteTopicResponse. */
            type $Shape = millrace.v1.DeleteTopicResponse.$Properties;
        }
    }
}
