// Generated from proto/ by scripts/generate.mjs. Do not edit.
import * as $protobuf from "protobufjs/minimal.js";
import Long = require("long");

/** Namespace grpc. */
export namespace grpc {

    /** Namespace health. */
    namespace health {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of a HealthCheckRequest.
             * @deprecated Use grpc.health.v1.HealthCheckRequest.$Properties instead.
             */
            interface IHealthCheckRequest extends grpc.health.v1.HealthCheckRequest.$Properties {
            }

            /** Represents a HealthCheckRequest. */
            class HealthCheckRequest {

                /**
                 * Constructs a new HealthCheckRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Full name of a service, for example millrace.v1.Records. Empty: the whole server. */
                service: string;

                /**
                 * Encodes the specified HealthCheckRequest message. Does not implicitly {@link grpc.health.v1.HealthCheckRequest.verify|verify} messages.
                 * @param message HealthCheckRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape} HealthCheckRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape;
            }

            namespace HealthCheckRequest {

                /** Properties of a HealthCheckRequest. */
                interface $Properties {

                    /** Full name of a service, for example millrace.v1.Records. Empty: the whole server. */
                    service?: string;

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckRequest. */
                type $Shape = grpc.health.v1.HealthCheckRequest.$Properties;
            }

            /**
             * Properties of a HealthCheckResponse.
             * @deprecated Use grpc.health.v1.HealthCheckResponse.$Properties instead.
             */
            interface IHealthCheckResponse extends grpc.health.v1.HealthCheckResponse.$Properties {
            }

            /** Represents a HealthCheckResponse. */
            class HealthCheckResponse {

                /**
                 * Constructs a new HealthCheckResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthCheckResponse status. */
                status: grpc.health.v1.HealthCheckResponse.ServingStatus;

                /**
                 * Encodes the specified HealthCheckResponse message. Does not implicitly {@link grpc.health.v1.HealthCheckResponse.verify|verify} messages.
                 * @param message HealthCheckResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape} HealthCheckResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape;
            }

            namespace HealthCheckResponse {

                /** Properties of a HealthCheckResponse. */
                interface $Properties {

                    /** HealthCheckResponse status */
                    status?: grpc.health.v1.HealthCheckResponse.ServingStatus;

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckResponse. */
                type $Shape = grpc.health.v1.HealthCheckResponse.$Properties;

                /** ServingStatus enum. */
                enum ServingStatus {

                    /** UNKNOWN value */
                    UNKNOWN = 0,

                    /** SERVING value */
                    SERVING = 1,

                    /** The same as when /readyz says that the server is not ready. */
                    NOT_SERVING = 2,

                    /** Only from Watch: there is no such service. */
                    SERVICE_UNKNOWN = 3
                }
            }
        }
    }

    /** Namespace reflection. */
    namespace reflection {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of a ServerReflectionRequest.
             * @deprecated Use grpc.reflection.v1.ServerReflectionRequest.$Properties instead.
             */
            interface IServerReflectionRequest extends grpc.reflection.v1.ServerReflectionRequest.$Properties {
            }

            /** Represents a ServerReflectionRequest. */
            class ServerReflectionRequest {

                /**
                 * Constructs a new ServerReflectionRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.ServerReflectionRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ServerReflectionRequest host. */
                host: string;

                /** The file of this name. */
                fileByFilename: (string|null);

                /** The file that declares this: the full name of a service, a call, a message, a field or an enum. */
                fileContainingSymbol: (string|null);

                /** There are no extensions here. */
                fileContainingExtension: (grpc.reflection.v1.ExtensionRequest|null);

                /** ServerReflectionRequest allExtensionNumbersOfType. */
                allExtensionNumbersOfType: (string|null);

                /** All services; what it says does not matter. */
                listServices: (string|null);

                /** ServerReflectionRequest messageRequest. */
                messageRequest?: ("fileByFilename"|"fileContainingSymbol"|"fileContainingExtension"|"allExtensionNumbersOfType"|"listServices");

                /**
                 * Encodes the specified ServerReflectionRequest message. Does not implicitly {@link grpc.reflection.v1.ServerReflectionRequest.verify|verify} messages.
                 * @param message ServerReflectionRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.ServerReflectionRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ServerReflectionRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.ServerReflectionRequest & grpc.reflection.v1.ServerReflectionRequest.$Shape} ServerReflectionRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.ServerReflectionRequest & grpc.reflection.v1.ServerReflectionRequest.$Shape;
            }

            namespace ServerReflectionRequest {

                /** Properties of a ServerReflectionRequest. */
                interface $Properties {

                    /** ServerReflectionRequest host */
                    host?: string;

                    /** The file of this name. */
                    fileByFilename?: (string|null);

                    /** The file that declares this: the full name of a service, a call, a message, a field or an enum. */
                    fileContainingSymbol?: (string|null);

                    /** There are no extensions here. */
                    fileContainingExtension?: (grpc.reflection.v1.ExtensionRequest.$Properties|null);

                    /** ServerReflectionRequest allExtensionNumbersOfType */
                    allExtensionNumbersOfType?: (string|null);

                    /** All services; what it says does not matter. */
                    listServices?: (string|null);

                    /** ServerReflectionRequest messageRequest */
                    messageRequest?: ("fileByFilename"|"fileContainingSymbol"|"fileContainingExtension"|"allExtensionNumbersOfType"|"listServices");

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Narrowed shape of a ServerReflectionRequest. */
                type $Shape = {
                  host?: string;
                  fileByFilename?: string|null;
                  fileContainingSymbol?: string|null;
                  fileContainingExtension?: grpc.reflection.v1.ExtensionRequest.$Shape|null;
                  allExtensionNumbersOfType?: string|null;
                  listServices?: string|null;
                  $unknowns?: Uint8Array[];
                } & (
                  ({ messageRequest?: undefined; fileByFilename?: null; fileContainingSymbol?: null; fileContainingExtension?: null; allExtensionNumbersOfType?: null; listServices?: null }|{ messageRequest?: "fileByFilename"; fileByFilename: string; fileContainingSymbol?: null; fileContainingExtension?: null; allExtensionNumbersOfType?: null; listServices?: null }|{ messageRequest?: "fileContainingSymbol"; fileByFilename?: null; fileContainingSymbol: string; fileContainingExtension?: null; allExtensionNumbersOfType?: null; listServices?: null }|{ messageRequest?: "fileContainingExtension"; fileByFilename?: null; fileContainingSymbol?: null; fileContainingExtension: grpc.reflection.v1.ExtensionRequest.$Shape; allExtensionNumbersOfType?: null; listServices?: null }|{ messageRequest?: "allExtensionNumbersOfType"; fileByFilename?: null; fileContainingSymbol?: null; fileContainingExtension?: null; allExtensionNumbersOfType: string; listServices?: null }|{ messageRequest?: "listServices"; fileByFilename?: null; fileContainingSymbol?: null; fileContainingExtension?: null; allExtensionNumbersOfType?: null; listServices: string })
                );
            }

            /**
             * Properties of an ExtensionRequest.
             * @deprecated Use grpc.reflection.v1.ExtensionRequest.$Properties instead.
             */
            interface IExtensionRequest extends grpc.reflection.v1.ExtensionRequest.$Properties {
            }

            /** Represents an ExtensionRequest. */
            class ExtensionRequest {

                /**
                 * Constructs a new ExtensionRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.ExtensionRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ExtensionRequest containingType. */
                containingType: string;

                /** ExtensionRequest extensionNumber. */
                extensionNumber: number;

                /**
                 * Encodes the specified ExtensionRequest message. Does not implicitly {@link grpc.reflection.v1.ExtensionRequest.verify|verify} messages.
                 * @param message ExtensionRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.ExtensionRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an ExtensionRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.ExtensionRequest & grpc.reflection.v1.ExtensionRequest.$Shape} ExtensionRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.ExtensionRequest & grpc.reflection.v1.ExtensionRequest.$Shape;
            }

            namespace ExtensionRequest {

                /** Properties of an ExtensionRequest. */
                interface $Properties {

                    /** ExtensionRequest containingType */
                    containingType?: string;

                    /** ExtensionRequest extensionNumber */
                    extensionNumber?: number;

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an ExtensionRequest. */
                type $Shape = grpc.reflection.v1.ExtensionRequest.$Properties;
            }

            /**
             * Properties of a ServerReflectionResponse.
             * @deprecated Use grpc.reflection.v1.ServerReflectionResponse.$Properties instead.
             */
            interface IServerReflectionResponse extends grpc.reflection.v1.ServerReflectionResponse.$Properties {
            }

            /** Represents a ServerReflectionResponse. */
            class ServerReflectionResponse {

                /**
                 * Constructs a new ServerReflectionResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.ServerReflectionResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ServerReflectionResponse validHost. */
                validHost: string;

                /** ServerReflectionResponse originalRequest. */
                originalRequest: grpc.reflection.v1.ServerReflectionRequest;

                /** ServerReflectionResponse fileDescriptorResponse. */
                fileDescriptorResponse: (grpc.reflection.v1.FileDescriptorResponse|null);

                /** ServerReflectionResponse allExtensionNumbersResponse. */
                allExtensionNumbersResponse: (grpc.reflection.v1.ExtensionNumberResponse|null);

                /** ServerReflectionResponse listServicesResponse. */
                listServicesResponse: (grpc.reflection.v1.ListServiceResponse|null);

                /** ServerReflectionResponse errorResponse. */
                errorResponse: (grpc.reflection.v1.ErrorResponse|null);

                /** ServerReflectionResponse messageResponse. */
                messageResponse?: ("fileDescriptorResponse"|"allExtensionNumbersResponse"|"listServicesResponse"|"errorResponse");

                /**
                 * Encodes the specified ServerReflectionResponse message. Does not implicitly {@link grpc.reflection.v1.ServerReflectionResponse.verify|verify} messages.
                 * @param message ServerReflectionResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.ServerReflectionResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ServerReflectionResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.ServerReflectionResponse & grpc.reflection.v1.ServerReflectionResponse.$Shape} ServerReflectionResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.ServerReflectionResponse & grpc.reflection.v1.ServerReflectionResponse.$Shape;
            }

            namespace ServerReflectionResponse {

                /** Properties of a ServerReflectionResponse. */
                interface $Properties {

                    /** ServerReflectionResponse validHost */
                    validHost?: string;

                    /** ServerReflectionResponse originalRequest */
                    originalRequest?: grpc.reflection.v1.ServerReflectionRequest.$Properties;

                    /** ServerReflectionResponse fileDescriptorResponse */
                    fileDescriptorResponse?: (grpc.reflection.v1.FileDescriptorResponse.$Properties|null);

                    /** ServerReflectionResponse allExtensionNumbersResponse */
                    allExtensionNumbersResponse?: (grpc.reflection.v1.ExtensionNumberResponse.$Properties|null);

                    /** ServerReflectionResponse listServicesResponse */
                    listServicesResponse?: (grpc.reflection.v1.ListServiceResponse.$Properties|null);

                    /** ServerReflectionResponse errorResponse */
                    errorResponse?: (grpc.reflection.v1.ErrorResponse.$Properties|null);

                    /** ServerReflectionResponse messageResponse */
                    messageResponse?: ("fileDescriptorResponse"|"allExtensionNumbersResponse"|"listServicesResponse"|"errorResponse");

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Narrowed shape of a ServerReflectionResponse. */
                type $Shape = {
                  validHost?: string;
                  originalRequest?: grpc.reflection.v1.ServerReflectionRequest.$Shape;
                  fileDescriptorResponse?: grpc.reflection.v1.FileDescriptorResponse.$Shape|null;
                  allExtensionNumbersResponse?: grpc.reflection.v1.ExtensionNumberResponse.$Shape|null;
                  listServicesResponse?: grpc.reflection.v1.ListServiceResponse.$Shape|null;
                  errorResponse?: grpc.reflection.v1.ErrorResponse.$Shape|null;
                  $unknowns?: Uint8Array[];
                } & (
                  ({ messageResponse?: undefined; fileDescriptorResponse?: null; allExtensionNumbersResponse?: null; listServicesResponse?: null; errorResponse?: null }|{ messageResponse?: "fileDescriptorResponse"; fileDescriptorResponse: grpc.reflection.v1.FileDescriptorResponse.$Shape; allExtensionNumbersResponse?: null; listServicesResponse?: null; errorResponse?: null }|{ messageResponse?: "allExtensionNumbersResponse"; fileDescriptorResponse?: null; allExtensionNumbersResponse: grpc.reflection.v1.ExtensionNumberResponse.$Shape; listServicesResponse?: null; errorResponse?: null }|{ messageResponse?: "listServicesResponse"; fileDescriptorResponse?: null; allExtensionNumbersResponse?: null; listServicesResponse: grpc.reflection.v1.ListServiceResponse.$Shape; errorResponse?: null }|{ messageResponse?: "errorResponse"; fileDescriptorResponse?: null; allExtensionNumbersResponse?: null; listServicesResponse?: null; errorResponse: grpc.reflection.v1.ErrorResponse.$Shape })
                );
            }

            /**
             * Properties of a FileDescriptorResponse.
             * @deprecated Use grpc.reflection.v1.FileDescriptorResponse.$Properties instead.
             */
            interface IFileDescriptorResponse extends grpc.reflection.v1.FileDescriptorResponse.$Properties {
            }

            /** Each a google.protobuf.FileDescriptorProto: the file that was asked for, and those that it imports. */
            class FileDescriptorResponse {

                /**
                 * Constructs a new FileDescriptorResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.FileDescriptorResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** FileDescriptorResponse fileDescriptorProto. */
                fileDescriptorProto: Uint8Array[];

                /**
                 * Encodes the specified FileDescriptorResponse message. Does not implicitly {@link grpc.reflection.v1.FileDescriptorResponse.verify|verify} messages.
                 * @param message FileDescriptorResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.FileDescriptorResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a FileDescriptorResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.FileDescriptorResponse & grpc.reflection.v1.FileDescriptorResponse.$Shape} FileDescriptorResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.FileDescriptorResponse & grpc.reflection.v1.FileDescriptorResponse.$Shape;
            }

            namespace FileDescriptorResponse {

                /** Properties of a FileDescriptorResponse. */
                interface $Properties {

                    /** FileDescriptorResponse fileDescriptorProto */
                    fileDescriptorProto?: Uint8Array[];

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a FileDescriptorResponse. */
                type $Shape = grpc.reflection.v1.FileDescriptorResponse.$Properties;
            }

            /**
             * Properties of an ExtensionNumberResponse.
             * @deprecated Use grpc.reflection.v1.ExtensionNumberResponse.$Properties instead.
             */
            interface IExtensionNumberResponse extends grpc.reflection.v1.ExtensionNumberResponse.$Properties {
            }

            /** Represents an ExtensionNumberResponse. */
            class ExtensionNumberResponse {

                /**
                 * Constructs a new ExtensionNumberResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.ExtensionNumberResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ExtensionNumberResponse baseTypeName. */
                baseTypeName: string;

                /** ExtensionNumberResponse extensionNumber. */
                extensionNumber: number[];

                /**
                 * Encodes the specified ExtensionNumberResponse message. Does not implicitly {@link grpc.reflection.v1.ExtensionNumberResponse.verify|verify} messages.
                 * @param message ExtensionNumberResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.ExtensionNumberResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an ExtensionNumberResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.ExtensionNumberResponse & grpc.reflection.v1.ExtensionNumberResponse.$Shape} ExtensionNumberResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.ExtensionNumberResponse & grpc.reflection.v1.ExtensionNumberResponse.$Shape;
            }

            namespace ExtensionNumberResponse {

                /** Properties of an ExtensionNumberResponse. */
                interface $Properties {

                    /** ExtensionNumberResponse baseTypeName */
                    baseTypeName?: string;

                    /** ExtensionNumberResponse extensionNumber */
                    extensionNumber?: number[];

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an ExtensionNumberResponse. */
                type $Shape = grpc.reflection.v1.ExtensionNumberResponse.$Properties;
            }

            /**
             * Properties of a ListServiceResponse.
             * @deprecated Use grpc.reflection.v1.ListServiceResponse.$Properties instead.
             */
            interface IListServiceResponse extends grpc.reflection.v1.ListServiceResponse.$Properties {
            }

            /** Represents a ListServiceResponse. */
            class ListServiceResponse {

                /**
                 * Constructs a new ListServiceResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.ListServiceResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ListServiceResponse service. */
                service: grpc.reflection.v1.ServiceResponse[];

                /**
                 * Encodes the specified ListServiceResponse message. Does not implicitly {@link grpc.reflection.v1.ListServiceResponse.verify|verify} messages.
                 * @param message ListServiceResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.ListServiceResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ListServiceResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.ListServiceResponse & grpc.reflection.v1.ListServiceResponse.$Shape} ListServiceResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.ListServiceResponse & grpc.reflection.v1.ListServiceResponse.$Shape;
            }

            namespace ListServiceResponse {

                /** Properties of a ListServiceResponse. */
                interface $Properties {

                    /** ListServiceResponse service */
                    service?: grpc.reflection.v1.ServiceResponse.$Properties[];

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a ListServiceResponse. */
                type $Shape = grpc.reflection.v1.ListServiceResponse.$Properties;
            }

            /**
             * Properties of a ServiceResponse.
             * @deprecated Use grpc.reflection.v1.ServiceResponse.$Properties instead.
             */
            interface IServiceResponse extends grpc.reflection.v1.ServiceResponse.$Properties {
            }

            /** Represents a ServiceResponse. */
            class ServiceResponse {

                /**
                 * Constructs a new ServiceResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.ServiceResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ServiceResponse name. */
                name: string;

                /**
                 * Encodes the specified ServiceResponse message. Does not implicitly {@link grpc.reflection.v1.ServiceResponse.verify|verify} messages.
                 * @param message ServiceResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.ServiceResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ServiceResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.ServiceResponse & grpc.reflection.v1.ServiceResponse.$Shape} ServiceResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.ServiceResponse & grpc.reflection.v1.ServiceResponse.$Shape;
            }

            namespace ServiceResponse {

                /** Properties of a ServiceResponse. */
                interface $Properties {

                    /** ServiceResponse name */
                    name?: string;

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a ServiceResponse. */
                type $Shape = grpc.reflection.v1.ServiceResponse.$Properties;
            }

            /**
             * Properties of an ErrorResponse.
             * @deprecated Use grpc.reflection.v1.ErrorResponse.$Properties instead.
             */
            interface IErrorResponse extends grpc.reflection.v1.ErrorResponse.$Properties {
            }

            /** Represents an ErrorResponse. */
            class ErrorResponse {

                /**
                 * Constructs a new ErrorResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.reflection.v1.ErrorResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** A status of gRPC. */
                errorCode: number;

                /** ErrorResponse errorMessage. */
                errorMessage: string;

                /**
                 * Encodes the specified ErrorResponse message. Does not implicitly {@link grpc.reflection.v1.ErrorResponse.verify|verify} messages.
                 * @param message ErrorResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.reflection.v1.ErrorResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an ErrorResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.reflection.v1.ErrorResponse & grpc.reflection.v1.ErrorResponse.$Shape} ErrorResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.reflection.v1.ErrorResponse & grpc.reflection.v1.ErrorResponse.$Shape;
            }

            namespace ErrorResponse {

                /** Properties of an ErrorResponse. */
                interface $Properties {

                    /** A status of gRPC. */
                    errorCode?: number;

                    /** ErrorResponse errorMessage */
                    errorMessage?: string;

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an ErrorResponse. */
                type $Shape = grpc.reflection.v1.ErrorResponse.$Properties;
            }
        }
    }
}

/** Namespace millrace. */
export namespace millrace {

    /** Namespace v1. */
    namespace v1 {

        /**
         * Properties of a CreateBackupRequest.
         * @deprecated Use millrace.v1.CreateBackupRequest.$Properties instead.
         */
        interface ICreateBackupRequest extends millrace.v1.CreateBackupRequest.$Properties {
        }

        /** Represents a CreateBackupRequest. */
        class CreateBackupRequest {

            /**
             * Constructs a new CreateBackupRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.CreateBackupRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** 1 to 100 letters, digits, `.`, `_` and `-`. Empty: the time, such as 2026-01-31T12-00-00-000Z. */
            name: string;

            /**
             * Encodes the specified CreateBackupRequest message. Does not implicitly {@link millrace.v1.CreateBackupRequest.verify|verify} messages.
             * @param message CreateBackupRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.CreateBackupRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CreateBackupRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.CreateBackupRequest & millrace.v1.CreateBackupRequest.$Shape} CreateBackupRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CreateBackupRequest & millrace.v1.CreateBackupRequest.$Shape;
        }

        namespace CreateBackupRequest {

            /** Properties of a CreateBackupRequest. */
            interface $Properties {

                /** 1 to 100 letters, digits, `.`, `_` and `-`. Empty: the time, such as 2026-01-31T12-00-00-000Z. */
                name?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CreateBackupRequest. */
            type $Shape = millrace.v1.CreateBackupRequest.$Properties;
        }

        /**
         * Properties of a CreateBackupResponse.
         * @deprecated Use millrace.v1.CreateBackupResponse.$Properties instead.
         */
        interface ICreateBackupResponse extends millrace.v1.CreateBackupResponse.$Properties {
        }

        /** Represents a CreateBackupResponse. */
        class CreateBackupResponse {

            /**
             * Constructs a new CreateBackupResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.CreateBackupResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CreateBackupResponse name. */
            name: string;

            /** Where it is, on the server's machine. */
            path: string;

            /** Partitions in it, Millrace's own included. */
            partitions: number;

            /** Bytes of log in it. Those of closed segments share the disk with the data, as long as that has them. */
            sizeBytes: Long;

            /** Bytes of log that were copied. */
            copiedBytes: Long;

            /** How long nothing was committed. */
            pausedMs: Long;

            /**
             * Encodes the specified CreateBackupResponse message. Does not implicitly {@link millrace.v1.CreateBackupResponse.verify|verify} messages.
             * @param message CreateBackupResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.CreateBackupResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CreateBackupResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.CreateBackupResponse & millrace.v1.CreateBackupResponse.$Shape} CreateBackupResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CreateBackupResponse & millrace.v1.CreateBackupResponse.$Shape;
        }

        namespace CreateBackupResponse {

            /** Properties of a CreateBackupResponse. */
            interface $Properties {

                /** CreateBackupResponse name */
                name?: string;

                /** Where it is, on the server's machine. */
                path?: string;

                /** Partitions in it, Millrace's own included. */
                partitions?: number;

                /** Bytes of log in it. Those of closed segments share the disk with the data, as long as that has them. */
                sizeBytes?: Long;

                /** Bytes of log that were copied. */
                copiedBytes?: Long;

                /** How long nothing was committed. */
                pausedMs?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CreateBackupResponse. */
            type $Shape = millrace.v1.CreateBackupResponse.$Properties;
        }

        /**
         * Properties of a TopicPartitions.
         * @deprecated Use millrace.v1.TopicPartitions.$Properties instead.
         */
        interface ITopicPartitions extends millrace.v1.TopicPartitions.$Properties {
        }

        /** Represents a TopicPartitions. */
        class TopicPartitions {

            /**
             * Constructs a new TopicPartitions.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.TopicPartitions.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** TopicPartitions topic. */
            topic: string;

            /** TopicPartitions partitions. */
            partitions: number[];

            /**
             * Encodes the specified TopicPartitions message. Does not implicitly {@link millrace.v1.TopicPartitions.verify|verify} messages.
             * @param message TopicPartitions message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.TopicPartitions.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a TopicPartitions message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.TopicPartitions & millrace.v1.TopicPartitions.$Shape} TopicPartitions
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.TopicPartitions & millrace.v1.TopicPartitions.$Shape;
        }

        namespace TopicPartitions {

            /** Properties of a TopicPartitions. */
            interface $Properties {

                /** TopicPartitions topic */
                topic?: string;

                /** TopicPartitions partitions */
                partitions?: number[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a TopicPartitions. */
            type $Shape = millrace.v1.TopicPartitions.$Properties;
        }

        /**
         * Properties of a MemberRequest.
         * @deprecated Use millrace.v1.MemberRequest.$Properties instead.
         */
        interface IMemberRequest extends millrace.v1.MemberRequest.$Properties {
        }

        /** Represents a MemberRequest. */
        class MemberRequest {

            /**
             * Constructs a new MemberRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.MemberRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MemberRequest join. */
            join: (millrace.v1.Join|null);

            /** MemberRequest heartbeat. */
            heartbeat: (millrace.v1.Heartbeat|null);

            /** MemberRequest owned. */
            owned: (millrace.v1.Owned|null);

            /** MemberRequest commit. */
            commit: (millrace.v1.MemberCommit|null);

            /** MemberRequest leave. */
            leave: (millrace.v1.Leave|null);

            /** MemberRequest action. */
            action?: ("join"|"heartbeat"|"owned"|"commit"|"leave");

            /**
             * Encodes the specified MemberRequest message. Does not implicitly {@link millrace.v1.MemberRequest.verify|verify} messages.
             * @param message MemberRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.MemberRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MemberRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.MemberRequest & millrace.v1.MemberRequest.$Shape} MemberRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.MemberRequest & millrace.v1.MemberRequest.$Shape;
        }

        namespace MemberRequest {

            /** Properties of a MemberRequest. */
            interface $Properties {

                /** MemberRequest join */
                join?: (millrace.v1.Join.$Properties|null);

                /** MemberRequest heartbeat */
                heartbeat?: (millrace.v1.Heartbeat.$Properties|null);

                /** MemberRequest owned */
                owned?: (millrace.v1.Owned.$Properties|null);

                /** MemberRequest commit */
                commit?: (millrace.v1.MemberCommit.$Properties|null);

                /** MemberRequest leave */
                leave?: (millrace.v1.Leave.$Properties|null);

                /** MemberRequest action */
                action?: ("join"|"heartbeat"|"owned"|"commit"|"leave");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a MemberRequest. */
            type $Shape = {
              join?: millrace.v1.Join.$Shape|null;
              heartbeat?: millrace.v1.Heartbeat.$Shape|null;
              owned?: millrace.v1.Owned.$Shape|null;
              commit?: millrace.v1.MemberCommit.$Shape|null;
              leave?: millrace.v1.Leave.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ action?: undefined; join?: null; heartbeat?: null; owned?: null; commit?: null; leave?: null }|{ action?: "join"; join: millrace.v1.Join.$Shape; heartbeat?: null; owned?: null; commit?: null; leave?: null }|{ action?: "heartbeat"; join?: null; heartbeat: millrace.v1.Heartbeat.$Shape; owned?: null; commit?: null; leave?: null }|{ action?: "owned"; join?: null; heartbeat?: null; owned: millrace.v1.Owned.$Shape; commit?: null; leave?: null }|{ action?: "commit"; join?: null; heartbeat?: null; owned?: null; commit: millrace.v1.MemberCommit.$Shape; leave?: null }|{ action?: "leave"; join?: null; heartbeat?: null; owned?: null; commit?: null; leave: millrace.v1.Leave.$Shape })
            );
        }

        /**
         * Properties of a Join.
         * @deprecated Use millrace.v1.Join.$Properties instead.
         */
        interface IJoin extends millrace.v1.Join.$Properties {
        }

        /** Represents a Join. */
        class Join {

            /**
             * Constructs a new Join.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Join.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Join group. */
            group: string;

            /** The member's own choice, unused by others: a UUID. The same for as long as it lives. */
            memberId: string;

            /** 0 for a new member; the last one heard when a broken stream is replaced. */
            memberEpoch: number;

            /** A static member: whoever joins with it again takes over what its predecessor owned. Empty: none. */
            instanceId: string;

            /** Topics by name, or */
            topics: string[];

            /** all topics whose whole name matches this pattern, in RE2 syntax. */
            topicPattern: string;

            /** range or uniform; empty: uniform. The assignor that most members ask for serves the group. */
            assignor: string;

            /** Silence after which the member counts as gone; 0: 45 seconds. */
            sessionTimeoutMs: number;

            /** The time that it has to give partitions back when it is asked to; 0: a minute. */
            rebalanceTimeoutMs: number;

            /** What it owns: for a new member nothing. */
            owned: millrace.v1.TopicPartitions[];

            /** What people may know it by, for example a host name. */
            clientId: string;

            /**
             * Encodes the specified Join message. Does not implicitly {@link millrace.v1.Join.verify|verify} messages.
             * @param message Join message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Join.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Join message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Join & millrace.v1.Join.$Shape} Join
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Join & millrace.v1.Join.$Shape;
        }

        namespace Join {

            /** Properties of a Join. */
            interface $Properties {

                /** Join group */
                group?: string;

                /** The member's own choice, unused by others: a UUID. The same for as long as it lives. */
                memberId?: string;

                /** 0 for a new member; the last one heard when a broken stream is replaced. */
                memberEpoch?: number;

                /** A static member: whoever joins with it again takes over what its predecessor owned. Empty: none. */
                instanceId?: string;

                /** Topics by name, or */
                topics?: string[];

                /** all topics whose whole name matches this pattern, in RE2 syntax. */
                topicPattern?: string;

                /** range or uniform; empty: uniform. The assignor that most members ask for serves the group. */
                assignor?: string;

                /** Silence after which the member counts as gone; 0: 45 seconds. */
                sessionTimeoutMs?: number;

                /** The time that it has to give partitions back when it is asked to; 0: a minute. */
                rebalanceTimeoutMs?: number;

                /** What it owns: for a new member nothing. */
                owned?: millrace.v1.TopicPartitions.$Properties[];

                /** What people may know it by, for example a host name. */
                clientId?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Join. */
            type $Shape = millrace.v1.Join.$Properties;
        }

        /**
         * Properties of a Heartbeat.
         * @deprecated Use millrace.v1.Heartbeat.$Properties instead.
         */
        interface IHeartbeat extends millrace.v1.Heartbeat.$Properties {
        }

        /** A sign of life; any other message is one too. */
        class Heartbeat {

            /**
             * Constructs a new Heartbeat.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Heartbeat.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified Heartbeat message. Does not implicitly {@link millrace.v1.Heartbeat.verify|verify} messages.
             * @param message Heartbeat message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Heartbeat.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Heartbeat message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Heartbeat & millrace.v1.Heartbeat.$Shape} Heartbeat
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Heartbeat & millrace.v1.Heartbeat.$Shape;
        }

        namespace Heartbeat {

            /** Properties of a Heartbeat. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Heartbeat. */
            type $Shape = millrace.v1.Heartbeat.$Properties;
        }

        /**
         * Properties of an Owned.
         * @deprecated Use millrace.v1.Owned.$Properties instead.
         */
        interface IOwned extends millrace.v1.Owned.$Properties {
        }

        /**
         * What the member owns now: sent when it has given back what an assignment no longer had, and when it has taken up what
         * was new.
         */
        class Owned {

            /**
             * Constructs a new Owned.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Owned.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Owned memberEpoch. */
            memberEpoch: number;

            /** Owned partitions. */
            partitions: millrace.v1.TopicPartitions[];

            /**
             * Encodes the specified Owned message. Does not implicitly {@link millrace.v1.Owned.verify|verify} messages.
             * @param message Owned message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Owned.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Owned message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Owned & millrace.v1.Owned.$Shape} Owned
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Owned & millrace.v1.Owned.$Shape;
        }

        namespace Owned {

            /** Properties of an Owned. */
            interface $Properties {

                /** Owned memberEpoch */
                memberEpoch?: number;

                /** Owned partitions */
                partitions?: millrace.v1.TopicPartitions.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Owned. */
            type $Shape = millrace.v1.Owned.$Properties;
        }

        /**
         * Properties of a MemberCommit.
         * @deprecated Use millrace.v1.MemberCommit.$Properties instead.
         */
        interface IMemberCommit extends millrace.v1.MemberCommit.$Properties {
        }

        /** Represents a MemberCommit. */
        class MemberCommit {

            /**
             * Constructs a new MemberCommit.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.MemberCommit.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** The caller's own; the answer carries it. */
            id: Long;

            /** MemberCommit offsets. */
            offsets: millrace.v1.OffsetCommit[];

            /**
             * Encodes the specified MemberCommit message. Does not implicitly {@link millrace.v1.MemberCommit.verify|verify} messages.
             * @param message MemberCommit message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.MemberCommit.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MemberCommit message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.MemberCommit & millrace.v1.MemberCommit.$Shape} MemberCommit
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.MemberCommit & millrace.v1.MemberCommit.$Shape;
        }

        namespace MemberCommit {

            /** Properties of a MemberCommit. */
            interface $Properties {

                /** The caller's own; the answer carries it. */
                id?: Long;

                /** MemberCommit offsets */
                offsets?: millrace.v1.OffsetCommit.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a MemberCommit. */
            type $Shape = millrace.v1.MemberCommit.$Properties;
        }

        /**
         * Properties of a Leave.
         * @deprecated Use millrace.v1.Leave.$Properties instead.
         */
        interface ILeave extends millrace.v1.Leave.$Properties {
        }

        /**
         * Ends the membership. A static member leaves for a while, and keeps its partitions until its session time-out, unless it
         * says that it will not come back.
         */
        class Leave {

            /**
             * Constructs a new Leave.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Leave.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Leave forGood. */
            forGood: boolean;

            /**
             * Encodes the specified Leave message. Does not implicitly {@link millrace.v1.Leave.verify|verify} messages.
             * @param message Leave message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Leave.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Leave message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Leave & millrace.v1.Leave.$Shape} Leave
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Leave & millrace.v1.Leave.$Shape;
        }

        namespace Leave {

            /** Properties of a Leave. */
            interface $Properties {

                /** Leave forGood */
                forGood?: boolean;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Leave. */
            type $Shape = millrace.v1.Leave.$Properties;
        }

        /**
         * Properties of a MemberResponse.
         * @deprecated Use millrace.v1.MemberResponse.$Properties instead.
         */
        interface IMemberResponse extends millrace.v1.MemberResponse.$Properties {
        }

        /** Represents a MemberResponse. */
        class MemberResponse {

            /**
             * Constructs a new MemberResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.MemberResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MemberResponse joined. */
            joined: (millrace.v1.Joined|null);

            /** MemberResponse assignment. */
            assignment: (millrace.v1.Assignment|null);

            /** MemberResponse committed. */
            committed: (millrace.v1.MemberCommitted|null);

            /** MemberResponse event. */
            event?: ("joined"|"assignment"|"committed");

            /**
             * Encodes the specified MemberResponse message. Does not implicitly {@link millrace.v1.MemberResponse.verify|verify} messages.
             * @param message MemberResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.MemberResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MemberResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.MemberResponse & millrace.v1.MemberResponse.$Shape} MemberResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.MemberResponse & millrace.v1.MemberResponse.$Shape;
        }

        namespace MemberResponse {

            /** Properties of a MemberResponse. */
            interface $Properties {

                /** MemberResponse joined */
                joined?: (millrace.v1.Joined.$Properties|null);

                /** MemberResponse assignment */
                assignment?: (millrace.v1.Assignment.$Properties|null);

                /** MemberResponse committed */
                committed?: (millrace.v1.MemberCommitted.$Properties|null);

                /** MemberResponse event */
                event?: ("joined"|"assignment"|"committed");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a MemberResponse. */
            type $Shape = {
              joined?: millrace.v1.Joined.$Shape|null;
              assignment?: millrace.v1.Assignment.$Shape|null;
              committed?: millrace.v1.MemberCommitted.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ event?: undefined; joined?: null; assignment?: null; committed?: null }|{ event?: "joined"; joined: millrace.v1.Joined.$Shape; assignment?: null; committed?: null }|{ event?: "assignment"; joined?: null; assignment: millrace.v1.Assignment.$Shape; committed?: null }|{ event?: "committed"; joined?: null; assignment?: null; committed: millrace.v1.MemberCommitted.$Shape })
            );
        }

        /**
         * Properties of a Joined.
         * @deprecated Use millrace.v1.Joined.$Properties instead.
         */
        interface IJoined extends millrace.v1.Joined.$Properties {
        }

        /** Represents a Joined. */
        class Joined {

            /**
             * Constructs a new Joined.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Joined.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Joined memberId. */
            memberId: string;

            /** Joined memberEpoch. */
            memberEpoch: number;

            /** How often a sign of life is wanted. */
            heartbeatIntervalMs: number;

            /** Joined sessionTimeoutMs. */
            sessionTimeoutMs: number;

            /**
             * Encodes the specified Joined message. Does not implicitly {@link millrace.v1.Joined.verify|verify} messages.
             * @param message Joined message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Joined.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Joined message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Joined & millrace.v1.Joined.$Shape} Joined
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Joined & millrace.v1.Joined.$Shape;
        }

        namespace Joined {

            /** Properties of a Joined. */
            interface $Properties {

                /** Joined memberId */
                memberId?: string;

                /** Joined memberEpoch */
                memberEpoch?: number;

                /** How often a sign of life is wanted. */
                heartbeatIntervalMs?: number;

                /** Joined sessionTimeoutMs */
                sessionTimeoutMs?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Joined. */
            type $Shape = millrace.v1.Joined.$Properties;
        }

        /**
         * Properties of an Assignment.
         * @deprecated Use millrace.v1.Assignment.$Properties instead.
         */
        interface IAssignment extends millrace.v1.Assignment.$Properties {
        }

        /**
         * All that the member should own. What it owns and does not find here it gives back, and says so with Owned; what it finds
         * here and does not own yet is free, and it takes it up.
         */
        class Assignment {

            /**
             * Constructs a new Assignment.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.Assignment.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Assignment memberEpoch. */
            memberEpoch: number;

            /** Assignment partitions. */
            partitions: millrace.v1.TopicPartitions[];

            /**
             * Encodes the specified Assignment message. Does not implicitly {@link millrace.v1.Assignment.verify|verify} messages.
             * @param message Assignment message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.Assignment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Assignment message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.Assignment & millrace.v1.Assignment.$Shape} Assignment
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Assignment & millrace.v1.Assignment.$Shape;
        }

        namespace Assignment {

            /** Properties of an Assignment. */
            interface $Properties {

                /** Assignment memberEpoch */
                memberEpoch?: number;

                /** Assignment partitions */
                partitions?: millrace.v1.TopicPartitions.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Assignment. */
            type $Shape = millrace.v1.Assignment.$Properties;
        }

        /**
         * Properties of a MemberCommitted.
         * @deprecated Use millrace.v1.MemberCommitted.$Properties instead.
         */
        interface IMemberCommitted extends millrace.v1.MemberCommitted.$Properties {
        }

        /** Represents a MemberCommitted. */
        class MemberCommitted {

            /**
             * Constructs a new MemberCommitted.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.MemberCommitted.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MemberCommitted id. */
            id: Long;

            /** MemberCommitted error. */
            error: millrace.v1.Error;

            /**
             * Encodes the specified MemberCommitted message. Does not implicitly {@link millrace.v1.MemberCommitted.verify|verify} messages.
             * @param message MemberCommitted message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.MemberCommitted.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MemberCommitted message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.MemberCommitted & millrace.v1.MemberCommitted.$Shape} MemberCommitted
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.MemberCommitted & millrace.v1.MemberCommitted.$Shape;
        }

        namespace MemberCommitted {

            /** Properties of a MemberCommitted. */
            interface $Properties {

                /** MemberCommitted id */
                id?: Long;

                /** MemberCommitted error */
                error?: millrace.v1.Error.$Properties;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a MemberCommitted. */
            type $Shape = millrace.v1.MemberCommitted.$Properties;
        }

        /**
         * Properties of an OffsetCommit.
         * @deprecated Use millrace.v1.OffsetCommit.$Properties instead.
         */
        interface IOffsetCommit extends millrace.v1.OffsetCommit.$Properties {
        }

        /** Represents an OffsetCommit. */
        class OffsetCommit {

            /**
             * Constructs a new OffsetCommit.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.OffsetCommit.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** OffsetCommit topic. */
            topic: string;

            /** OffsetCommit partition. */
            partition: number;

            /** Of the next record that is wanted. */
            offset: Long;

            /** What the member likes to keep beside it, up to 4,096 bytes. */
            metadata: string;

            /**
             * Encodes the specified OffsetCommit message. Does not implicitly {@link millrace.v1.OffsetCommit.verify|verify} messages.
             * @param message OffsetCommit message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.OffsetCommit.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an OffsetCommit message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.OffsetCommit & millrace.v1.OffsetCommit.$Shape} OffsetCommit
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.OffsetCommit & millrace.v1.OffsetCommit.$Shape;
        }

        namespace OffsetCommit {

            /** Properties of an OffsetCommit. */
            interface $Properties {

                /** OffsetCommit topic */
                topic?: string;

                /** OffsetCommit partition */
                partition?: number;

                /** Of the next record that is wanted. */
                offset?: Long;

                /** What the member likes to keep beside it, up to 4,096 bytes. */
                metadata?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an OffsetCommit. */
            type $Shape = millrace.v1.OffsetCommit.$Properties;
        }

        /**
         * Properties of a CommitOffsetsRequest.
         * @deprecated Use millrace.v1.CommitOffsetsRequest.$Properties instead.
         */
        interface ICommitOffsetsRequest extends millrace.v1.CommitOffsetsRequest.$Properties {
        }

        /** Represents a CommitOffsetsRequest. */
        class CommitOffsetsRequest {

            /**
             * Constructs a new CommitOffsetsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.CommitOffsetsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CommitOffsetsRequest group. */
            group: string;

            /** CommitOffsetsRequest offsets. */
            offsets: millrace.v1.OffsetCommit[];

            /** Of a member. Empty: from outside, into a group without members. */
            memberId: string;

            /** CommitOffsetsRequest memberEpoch. */
            memberEpoch: number;

            /** Makes the commit a part of this producer's open transaction: it holds when that is committed. */
            transaction: (millrace.v1.TransactionIdentity|null);

            /**
             * Encodes the specified CommitOffsetsRequest message. Does not implicitly {@link millrace.v1.CommitOffsetsRequest.verify|verify} messages.
             * @param message CommitOffsetsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.CommitOffsetsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CommitOffsetsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.CommitOffsetsRequest & millrace.v1.CommitOffsetsRequest.$Shape} CommitOffsetsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CommitOffsetsRequest & millrace.v1.CommitOffsetsRequest.$Shape;
        }

        namespace CommitOffsetsRequest {

            /** Properties of a CommitOffsetsRequest. */
            interface $Properties {

                /** CommitOffsetsRequest group */
                group?: string;

                /** CommitOffsetsRequest offsets */
                offsets?: millrace.v1.OffsetCommit.$Properties[];

                /** Of a member. Empty: from outside, into a group without members. */
                memberId?: string;

                /** CommitOffsetsRequest memberEpoch */
                memberEpoch?: number;

                /** Makes the commit a part of this producer's open transaction: it holds when that is committed. */
                transaction?: (millrace.v1.TransactionIdentity.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CommitOffsetsRequest. */
            type $Shape = millrace.v1.CommitOffsetsRequest.$Properties;
        }

        /**
         * Properties of a TransactionIdentity.
         * @deprecated Use millrace.v1.TransactionIdentity.$Properties instead.
         */
        interface ITransactionIdentity extends millrace.v1.TransactionIdentity.$Properties {
        }

        /** Represents a TransactionIdentity. */
        class TransactionIdentity {

            /**
             * Constructs a new TransactionIdentity.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.TransactionIdentity.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** TransactionIdentity transactionalId. */
            transactionalId: string;

            /** TransactionIdentity producerId. */
            producerId: Long;

            /** TransactionIdentity producerEpoch. */
            producerEpoch: number;

            /**
             * Encodes the specified TransactionIdentity message. Does not implicitly {@link millrace.v1.TransactionIdentity.verify|verify} messages.
             * @param message TransactionIdentity message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.TransactionIdentity.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a TransactionIdentity message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.TransactionIdentity & millrace.v1.TransactionIdentity.$Shape} TransactionIdentity
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.TransactionIdentity & millrace.v1.TransactionIdentity.$Shape;
        }

        namespace TransactionIdentity {

            /** Properties of a TransactionIdentity. */
            interface $Properties {

                /** TransactionIdentity transactionalId */
                transactionalId?: string;

                /** TransactionIdentity producerId */
                producerId?: Long;

                /** TransactionIdentity producerEpoch */
                producerEpoch?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a TransactionIdentity. */
            type $Shape = millrace.v1.TransactionIdentity.$Properties;
        }

        /**
         * Properties of a CommitOffsetsResponse.
         * @deprecated Use millrace.v1.CommitOffsetsResponse.$Properties instead.
         */
        interface ICommitOffsetsResponse extends millrace.v1.CommitOffsetsResponse.$Properties {
        }

        /** Represents a CommitOffsetsResponse. */
        class CommitOffsetsResponse {

            /**
             * Constructs a new CommitOffsetsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.CommitOffsetsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified CommitOffsetsResponse message. Does not implicitly {@link millrace.v1.CommitOffsetsResponse.verify|verify} messages.
             * @param message CommitOffsetsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.CommitOffsetsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CommitOffsetsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.CommitOffsetsResponse & millrace.v1.CommitOffsetsResponse.$Shape} CommitOffsetsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CommitOffsetsResponse & millrace.v1.CommitOffsetsResponse.$Shape;
        }

        namespace CommitOffsetsResponse {

            /** Properties of a CommitOffsetsResponse. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CommitOffsetsResponse. */
            type $Shape = millrace.v1.CommitOffsetsResponse.$Properties;
        }

        /**
         * Properties of a FetchOffsetsRequest.
         * @deprecated Use millrace.v1.FetchOffsetsRequest.$Properties instead.
         */
        interface IFetchOffsetsRequest extends millrace.v1.FetchOffsetsRequest.$Properties {
        }

        /** Represents a FetchOffsetsRequest. */
        class FetchOffsetsRequest {

            /**
             * Constructs a new FetchOffsetsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.FetchOffsetsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FetchOffsetsRequest group. */
            group: string;

            /** None: all that were committed. */
            partitions: millrace.v1.TopicPartitions[];

            /** Of a member: fails where the member is no longer one. Empty: anybody. */
            memberId: string;

            /** FetchOffsetsRequest memberEpoch. */
            memberEpoch: number;

            /** Tell what was committed before an open transaction, instead of OFFSETS_PENDING. */
            allowPending: boolean;

            /**
             * Encodes the specified FetchOffsetsRequest message. Does not implicitly {@link millrace.v1.FetchOffsetsRequest.verify|verify} messages.
             * @param message FetchOffsetsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.FetchOffsetsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FetchOffsetsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.FetchOffsetsRequest & millrace.v1.FetchOffsetsRequest.$Shape} FetchOffsetsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.FetchOffsetsRequest & millrace.v1.FetchOffsetsRequest.$Shape;
        }

        namespace FetchOffsetsRequest {

            /** Properties of a FetchOffsetsRequest. */
            interface $Properties {

                /** FetchOffsetsRequest group */
                group?: string;

                /** None: all that were committed. */
                partitions?: millrace.v1.TopicPartitions.$Properties[];

                /** Of a member: fails where the member is no longer one. Empty: anybody. */
                memberId?: string;

                /** FetchOffsetsRequest memberEpoch */
                memberEpoch?: number;

                /** Tell what was committed before an open transaction, instead of OFFSETS_PENDING. */
                allowPending?: boolean;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FetchOffsetsRequest. */
            type $Shape = millrace.v1.FetchOffsetsRequest.$Properties;
        }

        /**
         * Properties of a FetchOffsetsResponse.
         * @deprecated Use millrace.v1.FetchOffsetsResponse.$Properties instead.
         */
        interface IFetchOffsetsResponse extends millrace.v1.FetchOffsetsResponse.$Properties {
        }

        /** Represents a FetchOffsetsResponse. */
        class FetchOffsetsResponse {

            /**
             * Constructs a new FetchOffsetsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.FetchOffsetsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Partitions without a committed offset are left out. */
            offsets: millrace.v1.CommittedOffset[];

            /**
             * Encodes the specified FetchOffsetsResponse message. Does not implicitly {@link millrace.v1.FetchOffsetsResponse.verify|verify} messages.
             * @param message FetchOffsetsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.FetchOffsetsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FetchOffsetsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.FetchOffsetsResponse & millrace.v1.FetchOffsetsResponse.$Shape} FetchOffsetsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.FetchOffsetsResponse & millrace.v1.FetchOffsetsResponse.$Shape;
        }

        namespace FetchOffsetsResponse {

            /** Properties of a FetchOffsetsResponse. */
            interface $Properties {

                /** Partitions without a committed offset are left out. */
                offsets?: millrace.v1.CommittedOffset.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FetchOffsetsResponse. */
            type $Shape = millrace.v1.FetchOffsetsResponse.$Properties;
        }

        /**
         * Properties of a CommittedOffset.
         * @deprecated Use millrace.v1.CommittedOffset.$Properties instead.
         */
        interface ICommittedOffset extends millrace.v1.CommittedOffset.$Properties {
        }

        /** Represents a CommittedOffset. */
        class CommittedOffset {

            /**
             * Constructs a new CommittedOffset.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.CommittedOffset.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CommittedOffset topic. */
            topic: string;

            /** CommittedOffset partition. */
            partition: number;

            /** CommittedOffset offset. */
            offset: Long;

            /** CommittedOffset metadata. */
            metadata: string;

            /** Milliseconds since 1970. */
            committedAtMs: Long;

            /**
             * Encodes the specified CommittedOffset message. Does not implicitly {@link millrace.v1.CommittedOffset.verify|verify} messages.
             * @param message CommittedOffset message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.CommittedOffset.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CommittedOffset message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.CommittedOffset & millrace.v1.CommittedOffset.$Shape} CommittedOffset
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CommittedOffset & millrace.v1.CommittedOffset.$Shape;
        }

        namespace CommittedOffset {

            /** Properties of a CommittedOffset. */
            interface $Properties {

                /** CommittedOffset topic */
                topic?: string;

                /** CommittedOffset partition */
                partition?: number;

                /** CommittedOffset offset */
                offset?: Long;

                /** CommittedOffset metadata */
                metadata?: string;

                /** Milliseconds since 1970. */
                committedAtMs?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CommittedOffset. */
            type $Shape = millrace.v1.CommittedOffset.$Properties;
        }

        /**
         * Properties of a ResetOffsetsRequest.
         * @deprecated Use millrace.v1.ResetOffsetsRequest.$Properties instead.
         */
        interface IResetOffsetsRequest extends millrace.v1.ResetOffsetsRequest.$Properties {
        }

        /** Represents a ResetOffsetsRequest. */
        class ResetOffsetsRequest {

            /**
             * Constructs a new ResetOffsetsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ResetOffsetsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ResetOffsetsRequest group. */
            group: string;

            /** None: all partitions for which the group has an offset. */
            partitions: millrace.v1.TopicPartitions[];

            /** ResetOffsetsRequest position. */
            position: (millrace.v1.Position|null);

            /** Records forward, or, negative, back; kept within what the partition has. */
            shift: (Long|null);

            /** Changes nothing, only tells. */
            dryRun: boolean;

            /** Also while the group has members; they are told to fetch their offsets anew by taking their partitions away first. */
            force: boolean;

            /** ResetOffsetsRequest to. */
            to?: ("position"|"shift");

            /**
             * Encodes the specified ResetOffsetsRequest message. Does not implicitly {@link millrace.v1.ResetOffsetsRequest.verify|verify} messages.
             * @param message ResetOffsetsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ResetOffsetsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ResetOffsetsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ResetOffsetsRequest & millrace.v1.ResetOffsetsRequest.$Shape} ResetOffsetsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ResetOffsetsRequest & millrace.v1.ResetOffsetsRequest.$Shape;
        }

        namespace ResetOffsetsRequest {

            /** Properties of a ResetOffsetsRequest. */
            interface $Properties {

                /** ResetOffsetsRequest group */
                group?: string;

                /** None: all partitions for which the group has an offset. */
                partitions?: millrace.v1.TopicPartitions.$Properties[];

                /** ResetOffsetsRequest position */
                position?: (millrace.v1.Position.$Properties|null);

                /** Records forward, or, negative, back; kept within what the partition has. */
                shift?: (Long|null);

                /** Changes nothing, only tells. */
                dryRun?: boolean;

                /** Also while the group has members; they are told to fetch their offsets anew by taking their partitions away first. */
                force?: boolean;

                /** ResetOffsetsRequest to */
                to?: ("position"|"shift");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a ResetOffsetsRequest. */
            type $Shape = {
              group?: string;
              partitions?: millrace.v1.TopicPartitions.$Shape[];
              position?: millrace.v1.Position.$Shape|null;
              shift?: Long|null;
              dryRun?: boolean;
              force?: boolean;
              $unknowns?: Uint8Array[];
            } & (
              ({ to?: undefined; position?: null; shift?: null }|{ to?: "position"; position: millrace.v1.Position.$Shape; shift?: null }|{ to?: "shift"; position?: null; shift: Long })
            );
        }

        /**
         * Properties of a ResetOffsetsResponse.
         * @deprecated Use millrace.v1.ResetOffsetsResponse.$Properties instead.
         */
        interface IResetOffsetsResponse extends millrace.v1.ResetOffsetsResponse.$Properties {
        }

        /** Represents a ResetOffsetsResponse. */
        class ResetOffsetsResponse {

            /**
             * Constructs a new ResetOffsetsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ResetOffsetsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ResetOffsetsResponse offsets. */
            offsets: millrace.v1.OffsetReset[];

            /**
             * Encodes the specified ResetOffsetsResponse message. Does not implicitly {@link millrace.v1.ResetOffsetsResponse.verify|verify} messages.
             * @param message ResetOffsetsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ResetOffsetsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ResetOffsetsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ResetOffsetsResponse & millrace.v1.ResetOffsetsResponse.$Shape} ResetOffsetsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ResetOffsetsResponse & millrace.v1.ResetOffsetsResponse.$Shape;
        }

        namespace ResetOffsetsResponse {

            /** Properties of a ResetOffsetsResponse. */
            interface $Properties {

                /** ResetOffsetsResponse offsets */
                offsets?: millrace.v1.OffsetReset.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ResetOffsetsResponse. */
            type $Shape = millrace.v1.ResetOffsetsResponse.$Properties;
        }

        /**
         * Properties of an OffsetReset.
         * @deprecated Use millrace.v1.OffsetReset.$Properties instead.
         */
        interface IOffsetReset extends millrace.v1.OffsetReset.$Properties {
        }

        /** Represents an OffsetReset. */
        class OffsetReset {

            /**
             * Constructs a new OffsetReset.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.OffsetReset.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** OffsetReset topic. */
            topic: string;

            /** OffsetReset partition. */
            partition: number;

            /** Absent: none was committed. */
            before: (Long|null);

            /** OffsetReset after. */
            after: Long;

            /**
             * Encodes the specified OffsetReset message. Does not implicitly {@link millrace.v1.OffsetReset.verify|verify} messages.
             * @param message OffsetReset message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.OffsetReset.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an OffsetReset message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.OffsetReset & millrace.v1.OffsetReset.$Shape} OffsetReset
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.OffsetReset & millrace.v1.OffsetReset.$Shape;
        }

        namespace OffsetReset {

            /** Properties of an OffsetReset. */
            interface $Properties {

                /** OffsetReset topic */
                topic?: string;

                /** OffsetReset partition */
                partition?: number;

                /** Absent: none was committed. */
                before?: (Long|null);

                /** OffsetReset after */
                after?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an OffsetReset. */
            type $Shape = millrace.v1.OffsetReset.$Properties;
        }

        /**
         * Properties of a ListGroupsRequest.
         * @deprecated Use millrace.v1.ListGroupsRequest.$Properties instead.
         */
        interface IListGroupsRequest extends millrace.v1.ListGroupsRequest.$Properties {
        }

        /** Represents a ListGroupsRequest. */
        class ListGroupsRequest {

            /**
             * Constructs a new ListGroupsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ListGroupsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified ListGroupsRequest message. Does not implicitly {@link millrace.v1.ListGroupsRequest.verify|verify} messages.
             * @param message ListGroupsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ListGroupsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListGroupsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ListGroupsRequest & millrace.v1.ListGroupsRequest.$Shape} ListGroupsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ListGroupsRequest & millrace.v1.ListGroupsRequest.$Shape;
        }

        namespace ListGroupsRequest {

            /** Properties of a ListGroupsRequest. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListGroupsRequest. */
            type $Shape = millrace.v1.ListGroupsRequest.$Properties;
        }

        /**
         * Properties of a ListGroupsResponse.
         * @deprecated Use millrace.v1.ListGroupsResponse.$Properties instead.
         */
        interface IListGroupsResponse extends millrace.v1.ListGroupsResponse.$Properties {
        }

        /** Represents a ListGroupsResponse. */
        class ListGroupsResponse {

            /**
             * Constructs a new ListGroupsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ListGroupsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListGroupsResponse groups. */
            groups: millrace.v1.GroupSummary[];

            /**
             * Encodes the specified ListGroupsResponse message. Does not implicitly {@link millrace.v1.ListGroupsResponse.verify|verify} messages.
             * @param message ListGroupsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ListGroupsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListGroupsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ListGroupsResponse & millrace.v1.ListGroupsResponse.$Shape} ListGroupsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ListGroupsResponse & millrace.v1.ListGroupsResponse.$Shape;
        }

        namespace ListGroupsResponse {

            /** Properties of a ListGroupsResponse. */
            interface $Properties {

                /** ListGroupsResponse groups */
                groups?: millrace.v1.GroupSummary.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListGroupsResponse. */
            type $Shape = millrace.v1.ListGroupsResponse.$Properties;
        }

        /**
         * Properties of a GroupSummary.
         * @deprecated Use millrace.v1.GroupSummary.$Properties instead.
         */
        interface IGroupSummary extends millrace.v1.GroupSummary.$Properties {
        }

        /** Represents a GroupSummary. */
        class GroupSummary {

            /**
             * Constructs a new GroupSummary.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.GroupSummary.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GroupSummary name. */
            name: string;

            /** empty, reconciling or stable. */
            state: string;

            /** GroupSummary members. */
            members: number;

            /** GroupSummary epoch. */
            epoch: number;

            /**
             * Encodes the specified GroupSummary message. Does not implicitly {@link millrace.v1.GroupSummary.verify|verify} messages.
             * @param message GroupSummary message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.GroupSummary.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GroupSummary message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.GroupSummary & millrace.v1.GroupSummary.$Shape} GroupSummary
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GroupSummary & millrace.v1.GroupSummary.$Shape;
        }

        namespace GroupSummary {

            /** Properties of a GroupSummary. */
            interface $Properties {

                /** GroupSummary name */
                name?: string;

                /** empty, reconciling or stable. */
                state?: string;

                /** GroupSummary members */
                members?: number;

                /** GroupSummary epoch */
                epoch?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GroupSummary. */
            type $Shape = millrace.v1.GroupSummary.$Properties;
        }

        /**
         * Properties of a DescribeGroupRequest.
         * @deprecated Use millrace.v1.DescribeGroupRequest.$Properties instead.
         */
        interface IDescribeGroupRequest extends millrace.v1.DescribeGroupRequest.$Properties {
        }

        /** Represents a DescribeGroupRequest. */
        class DescribeGroupRequest {

            /**
             * Constructs a new DescribeGroupRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DescribeGroupRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeGroupRequest name. */
            name: string;

            /**
             * Encodes the specified DescribeGroupRequest message. Does not implicitly {@link millrace.v1.DescribeGroupRequest.verify|verify} messages.
             * @param message DescribeGroupRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DescribeGroupRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeGroupRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DescribeGroupRequest & millrace.v1.DescribeGroupRequest.$Shape} DescribeGroupRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DescribeGroupRequest & millrace.v1.DescribeGroupRequest.$Shape;
        }

        namespace DescribeGroupRequest {

            /** Properties of a DescribeGroupRequest. */
            interface $Properties {

                /** DescribeGroupRequest name */
                name?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeGroupRequest. */
            type $Shape = millrace.v1.DescribeGroupRequest.$Properties;
        }

        /**
         * Properties of a DescribeGroupResponse.
         * @deprecated Use millrace.v1.DescribeGroupResponse.$Properties instead.
         */
        interface IDescribeGroupResponse extends millrace.v1.DescribeGroupResponse.$Properties {
        }

        /** Represents a DescribeGroupResponse. */
        class DescribeGroupResponse {

            /**
             * Constructs a new DescribeGroupResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DescribeGroupResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeGroupResponse summary. */
            summary: millrace.v1.GroupSummary;

            /** DescribeGroupResponse assignor. */
            assignor: string;

            /** DescribeGroupResponse members. */
            members: millrace.v1.GroupMember[];

            /** DescribeGroupResponse partitions. */
            partitions: millrace.v1.GroupPartition[];

            /**
             * Encodes the specified DescribeGroupResponse message. Does not implicitly {@link millrace.v1.DescribeGroupResponse.verify|verify} messages.
             * @param message DescribeGroupResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DescribeGroupResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeGroupResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DescribeGroupResponse & millrace.v1.DescribeGroupResponse.$Shape} DescribeGroupResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DescribeGroupResponse & millrace.v1.DescribeGroupResponse.$Shape;
        }

        namespace DescribeGroupResponse {

            /** Properties of a DescribeGroupResponse. */
            interface $Properties {

                /** DescribeGroupResponse summary */
                summary?: millrace.v1.GroupSummary.$Properties;

                /** DescribeGroupResponse assignor */
                assignor?: string;

                /** DescribeGroupResponse members */
                members?: millrace.v1.GroupMember.$Properties[];

                /** DescribeGroupResponse partitions */
                partitions?: millrace.v1.GroupPartition.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeGroupResponse. */
            type $Shape = millrace.v1.DescribeGroupResponse.$Properties;
        }

        /**
         * Properties of a GroupMember.
         * @deprecated Use millrace.v1.GroupMember.$Properties instead.
         */
        interface IGroupMember extends millrace.v1.GroupMember.$Properties {
        }

        /** Represents a GroupMember. */
        class GroupMember {

            /**
             * Constructs a new GroupMember.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.GroupMember.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GroupMember memberId. */
            memberId: string;

            /** GroupMember instanceId. */
            instanceId: string;

            /** GroupMember clientId. */
            clientId: string;

            /** GroupMember epoch. */
            epoch: number;

            /** GroupMember topics. */
            topics: string[];

            /** GroupMember topicPattern. */
            topicPattern: string;

            /** GroupMember owned. */
            owned: millrace.v1.TopicPartitions[];

            /** What it should own when all is settled. */
            target: millrace.v1.TopicPartitions[];

            /**
             * Encodes the specified GroupMember message. Does not implicitly {@link millrace.v1.GroupMember.verify|verify} messages.
             * @param message GroupMember message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.GroupMember.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GroupMember message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.GroupMember & millrace.v1.GroupMember.$Shape} GroupMember
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GroupMember & millrace.v1.GroupMember.$Shape;
        }

        namespace GroupMember {

            /** Properties of a GroupMember. */
            interface $Properties {

                /** GroupMember memberId */
                memberId?: string;

                /** GroupMember instanceId */
                instanceId?: string;

                /** GroupMember clientId */
                clientId?: string;

                /** GroupMember epoch */
                epoch?: number;

                /** GroupMember topics */
                topics?: string[];

                /** GroupMember topicPattern */
                topicPattern?: string;

                /** GroupMember owned */
                owned?: millrace.v1.TopicPartitions.$Properties[];

                /** What it should own when all is settled. */
                target?: millrace.v1.TopicPartitions.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GroupMember. */
            type $Shape = millrace.v1.GroupMember.$Properties;
        }

        /**
         * Properties of a GroupPartition.
         * @deprecated Use millrace.v1.GroupPartition.$Properties instead.
         */
        interface IGroupPartition extends millrace.v1.GroupPartition.$Properties {
        }

        /** Represents a GroupPartition. */
        class GroupPartition {

            /**
             * Constructs a new GroupPartition.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.GroupPartition.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GroupPartition topic. */
            topic: string;

            /** GroupPartition partition. */
            partition: number;

            /** Empty: nobody's. */
            memberId: string;

            /** Absent: none was committed. */
            committedOffset: (Long|null);

            /** GroupPartition logStartOffset. */
            logStartOffset: Long;

            /** GroupPartition highWatermark. */
            highWatermark: Long;

            /** Records up to the last stable offset that are not committed. Absent without a committed offset. */
            lag: (Long|null);

            /** GroupPartition metadata. */
            metadata: string;

            /**
             * Encodes the specified GroupPartition message. Does not implicitly {@link millrace.v1.GroupPartition.verify|verify} messages.
             * @param message GroupPartition message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.GroupPartition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GroupPartition message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.GroupPartition & millrace.v1.GroupPartition.$Shape} GroupPartition
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GroupPartition & millrace.v1.GroupPartition.$Shape;
        }

        namespace GroupPartition {

            /** Properties of a GroupPartition. */
            interface $Properties {

                /** GroupPartition topic */
                topic?: string;

                /** GroupPartition partition */
                partition?: number;

                /** Empty: nobody's. */
                memberId?: string;

                /** Absent: none was committed. */
                committedOffset?: (Long|null);

                /** GroupPartition logStartOffset */
                logStartOffset?: Long;

                /** GroupPartition highWatermark */
                highWatermark?: Long;

                /** Records up to the last stable offset that are not committed. Absent without a committed offset. */
                lag?: (Long|null);

                /** GroupPartition metadata */
                metadata?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GroupPartition. */
            type $Shape = millrace.v1.GroupPartition.$Properties;
        }

        /**
         * Properties of a DeleteGroupRequest.
         * @deprecated Use millrace.v1.DeleteGroupRequest.$Properties instead.
         */
        interface IDeleteGroupRequest extends millrace.v1.DeleteGroupRequest.$Properties {
        }

        /** Represents a DeleteGroupRequest. */
        class DeleteGroupRequest {

            /**
             * Constructs a new DeleteGroupRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DeleteGroupRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DeleteGroupRequest name. */
            name: string;

            /**
             * Encodes the specified DeleteGroupRequest message. Does not implicitly {@link millrace.v1.DeleteGroupRequest.verify|verify} messages.
             * @param message DeleteGroupRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DeleteGroupRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DeleteGroupRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DeleteGroupRequest & millrace.v1.DeleteGroupRequest.$Shape} DeleteGroupRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DeleteGroupRequest & millrace.v1.DeleteGroupRequest.$Shape;
        }

        namespace DeleteGroupRequest {

            /** Properties of a DeleteGroupRequest. */
            interface $Properties {

                /** DeleteGroupRequest name */
                name?: string;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DeleteGroupRequest. */
            type $Shape = millrace.v1.DeleteGroupRequest.$Properties;
        }

        /**
         * Properties of a DeleteGroupResponse.
         * @deprecated Use millrace.v1.DeleteGroupResponse.$Properties instead.
         */
        interface IDeleteGroupResponse extends millrace.v1.DeleteGroupResponse.$Properties {
        }

        /** Represents a DeleteGroupResponse. */
        class DeleteGroupResponse {

            /**
             * Constructs a new DeleteGroupResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DeleteGroupResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified DeleteGroupResponse message. Does not implicitly {@link millrace.v1.DeleteGroupResponse.verify|verify} messages.
             * @param message DeleteGroupResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DeleteGroupResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DeleteGroupResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DeleteGroupResponse & millrace.v1.DeleteGroupResponse.$Shape} DeleteGroupResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DeleteGroupResponse & millrace.v1.DeleteGroupResponse.$Shape;
        }

        namespace DeleteGroupResponse {

            /** Properties of a DeleteGroupResponse. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DeleteGroupResponse. */
            type $Shape = millrace.v1.DeleteGroupResponse.$Properties;
        }

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

            /** Empty: none. */
            transactionalId: string;

            /** How long a transaction may stay open; 0: a minute. */
            transactionTimeoutMs: number;

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

                /** Empty: none. */
                transactionalId?: string;

                /** How long a transaction may stay open; 0: a minute. */
                transactionTimeoutMs?: number;

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
         * Properties of an EndTransactionRequest.
         * @deprecated Use millrace.v1.EndTransactionRequest.$Properties instead.
         */
        interface IEndTransactionRequest extends millrace.v1.EndTransactionRequest.$Properties {
        }

        /** Represents an EndTransactionRequest. */
        class EndTransactionRequest {

            /**
             * Constructs a new EndTransactionRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.EndTransactionRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** EndTransactionRequest transactionalId. */
            transactionalId: string;

            /** EndTransactionRequest producerId. */
            producerId: Long;

            /** EndTransactionRequest producerEpoch. */
            producerEpoch: number;

            /** False: abort. */
            commit: boolean;

            /**
             * Encodes the specified EndTransactionRequest message. Does not implicitly {@link millrace.v1.EndTransactionRequest.verify|verify} messages.
             * @param message EndTransactionRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.EndTransactionRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an EndTransactionRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.EndTransactionRequest & millrace.v1.EndTransactionRequest.$Shape} EndTransactionRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.EndTransactionRequest & millrace.v1.EndTransactionRequest.$Shape;
        }

        namespace EndTransactionRequest {

            /** Properties of an EndTransactionRequest. */
            interface $Properties {

                /** EndTransactionRequest transactionalId */
                transactionalId?: string;

                /** EndTransactionRequest producerId */
                producerId?: Long;

                /** EndTransactionRequest producerEpoch */
                producerEpoch?: number;

                /** False: abort. */
                commit?: boolean;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an EndTransactionRequest. */
            type $Shape = millrace.v1.EndTransactionRequest.$Properties;
        }

        /**
         * Properties of an EndTransactionResponse.
         * @deprecated Use millrace.v1.EndTransactionResponse.$Properties instead.
         */
        interface IEndTransactionResponse extends millrace.v1.EndTransactionResponse.$Properties {
        }

        /** What the batches of the next transaction bear. */
        class EndTransactionResponse {

            /**
             * Constructs a new EndTransactionResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.EndTransactionResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** EndTransactionResponse producerId. */
            producerId: Long;

            /** EndTransactionResponse producerEpoch. */
            producerEpoch: number;

            /**
             * Encodes the specified EndTransactionResponse message. Does not implicitly {@link millrace.v1.EndTransactionResponse.verify|verify} messages.
             * @param message EndTransactionResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.EndTransactionResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an EndTransactionResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.EndTransactionResponse & millrace.v1.EndTransactionResponse.$Shape} EndTransactionResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.EndTransactionResponse & millrace.v1.EndTransactionResponse.$Shape;
        }

        namespace EndTransactionResponse {

            /** Properties of an EndTransactionResponse. */
            interface $Properties {

                /** EndTransactionResponse producerId */
                producerId?: Long;

                /** EndTransactionResponse producerEpoch */
                producerEpoch?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an EndTransactionResponse. */
            type $Shape = millrace.v1.EndTransactionResponse.$Properties;
        }

        /**
         * Properties of a ListTransactionsRequest.
         * @deprecated Use millrace.v1.ListTransactionsRequest.$Properties instead.
         */
        interface IListTransactionsRequest extends millrace.v1.ListTransactionsRequest.$Properties {
        }

        /** Represents a ListTransactionsRequest. */
        class ListTransactionsRequest {

            /**
             * Constructs a new ListTransactionsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ListTransactionsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified ListTransactionsRequest message. Does not implicitly {@link millrace.v1.ListTransactionsRequest.verify|verify} messages.
             * @param message ListTransactionsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ListTransactionsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListTransactionsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ListTransactionsRequest & millrace.v1.ListTransactionsRequest.$Shape} ListTransactionsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ListTransactionsRequest & millrace.v1.ListTransactionsRequest.$Shape;
        }

        namespace ListTransactionsRequest {

            /** Properties of a ListTransactionsRequest. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListTransactionsRequest. */
            type $Shape = millrace.v1.ListTransactionsRequest.$Properties;
        }

        /**
         * Properties of a ListTransactionsResponse.
         * @deprecated Use millrace.v1.ListTransactionsResponse.$Properties instead.
         */
        interface IListTransactionsResponse extends millrace.v1.ListTransactionsResponse.$Properties {
        }

        /** Represents a ListTransactionsResponse. */
        class ListTransactionsResponse {

            /**
             * Constructs a new ListTransactionsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.ListTransactionsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListTransactionsResponse transactions. */
            transactions: millrace.v1.TransactionInfo[];

            /**
             * Encodes the specified ListTransactionsResponse message. Does not implicitly {@link millrace.v1.ListTransactionsResponse.verify|verify} messages.
             * @param message ListTransactionsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.ListTransactionsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListTransactionsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.ListTransactionsResponse & millrace.v1.ListTransactionsResponse.$Shape} ListTransactionsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ListTransactionsResponse & millrace.v1.ListTransactionsResponse.$Shape;
        }

        namespace ListTransactionsResponse {

            /** Properties of a ListTransactionsResponse. */
            interface $Properties {

                /** ListTransactionsResponse transactions */
                transactions?: millrace.v1.TransactionInfo.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListTransactionsResponse. */
            type $Shape = millrace.v1.ListTransactionsResponse.$Properties;
        }

        /**
         * Properties of a TransactionInfo.
         * @deprecated Use millrace.v1.TransactionInfo.$Properties instead.
         */
        interface ITransactionInfo extends millrace.v1.TransactionInfo.$Properties {
        }

        /** Represents a TransactionInfo. */
        class TransactionInfo {

            /**
             * Constructs a new TransactionInfo.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.TransactionInfo.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** TransactionInfo transactionalId. */
            transactionalId: string;

            /** TransactionInfo producerId. */
            producerId: Long;

            /** TransactionInfo producerEpoch. */
            producerEpoch: number;

            /** empty, open or ending. */
            state: string;

            /** TransactionInfo timeoutMs. */
            timeoutMs: number;

            /** Milliseconds since 1970; absent: no transaction is open. */
            startedAtMs: (Long|null);

            /** How many partitions the open transaction has written to. */
            partitions: number;

            /**
             * Encodes the specified TransactionInfo message. Does not implicitly {@link millrace.v1.TransactionInfo.verify|verify} messages.
             * @param message TransactionInfo message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.TransactionInfo.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a TransactionInfo message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.TransactionInfo & millrace.v1.TransactionInfo.$Shape} TransactionInfo
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.TransactionInfo & millrace.v1.TransactionInfo.$Shape;
        }

        namespace TransactionInfo {

            /** Properties of a TransactionInfo. */
            interface $Properties {

                /** TransactionInfo transactionalId */
                transactionalId?: string;

                /** TransactionInfo producerId */
                producerId?: Long;

                /** TransactionInfo producerEpoch */
                producerEpoch?: number;

                /** empty, open or ending. */
                state?: string;

                /** TransactionInfo timeoutMs */
                timeoutMs?: number;

                /** Milliseconds since 1970; absent: no transaction is open. */
                startedAtMs?: (Long|null);

                /** How many partitions the open transaction has written to. */
                partitions?: number;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a TransactionInfo. */
            type $Shape = millrace.v1.TransactionInfo.$Properties;
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
         * Properties of an AlterTopicRequest.
         * @deprecated Use millrace.v1.AlterTopicRequest.$Properties instead.
         */
        interface IAlterTopicRequest extends millrace.v1.AlterTopicRequest.$Properties {
        }

        /** Represents an AlterTopicRequest. */
        class AlterTopicRequest {

            /**
             * Constructs a new AlterTopicRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.AlterTopicRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AlterTopicRequest name. */
            name: string;

            /** How many there are to be; 0: as many as there are. */
            partitions: number;

            /** New values of settings, by their Kafka names. Others stay. */
            config: { [k: string]: string };

            /** Settings that get their defaults back. */
            unset: string[];

            /**
             * Encodes the specified AlterTopicRequest message. Does not implicitly {@link millrace.v1.AlterTopicRequest.verify|verify} messages.
             * @param message AlterTopicRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.AlterTopicRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AlterTopicRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.AlterTopicRequest & millrace.v1.AlterTopicRequest.$Shape} AlterTopicRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.AlterTopicRequest & millrace.v1.AlterTopicRequest.$Shape;
        }

        namespace AlterTopicRequest {

            /** Properties of an AlterTopicRequest. */
            interface $Properties {

                /** AlterTopicRequest name */
                name?: string;

                /** How many there are to be; 0: as many as there are. */
                partitions?: number;

                /** New values of settings, by their Kafka names. Others stay. */
                config?: { [k: string]: string };

                /** Settings that get their defaults back. */
                unset?: string[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AlterTopicRequest. */
            type $Shape = millrace.v1.AlterTopicRequest.$Properties;
        }

        /**
         * Properties of an AlterTopicResponse.
         * @deprecated Use millrace.v1.AlterTopicResponse.$Properties instead.
         */
        interface IAlterTopicResponse extends millrace.v1.AlterTopicResponse.$Properties {
        }

        /** The topic as it is now. */
        class AlterTopicResponse {

            /**
             * Constructs a new AlterTopicResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.AlterTopicResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AlterTopicResponse topic. */
            topic: millrace.v1.Topic;

            /** All settings, defaults included. */
            config: { [k: string]: string };

            /** AlterTopicResponse partitions. */
            partitions: millrace.v1.PartitionStatus[];

            /**
             * Encodes the specified AlterTopicResponse message. Does not implicitly {@link millrace.v1.AlterTopicResponse.verify|verify} messages.
             * @param message AlterTopicResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.AlterTopicResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AlterTopicResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.AlterTopicResponse & millrace.v1.AlterTopicResponse.$Shape} AlterTopicResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.AlterTopicResponse & millrace.v1.AlterTopicResponse.$Shape;
        }

        namespace AlterTopicResponse {

            /** Properties of an AlterTopicResponse. */
            interface $Properties {

                /** AlterTopicResponse topic */
                topic?: millrace.v1.Topic.$Properties;

                /** All settings, defaults included. */
                config?: { [k: string]: string };

                /** AlterTopicResponse partitions */
                partitions?: millrace.v1.PartitionStatus.$Properties[];

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AlterTopicResponse. */
            type $Shape = millrace.v1.AlterTopicResponse.$Properties;
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

        /**
         * Properties of a DeleteRecordsRequest.
         * @deprecated Use millrace.v1.DeleteRecordsRequest.$Properties instead.
         */
        interface IDeleteRecordsRequest extends millrace.v1.DeleteRecordsRequest.$Properties {
        }

        /** Represents a DeleteRecordsRequest. */
        class DeleteRecordsRequest {

            /**
             * Constructs a new DeleteRecordsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DeleteRecordsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DeleteRecordsRequest topic. */
            topic: string;

            /** DeleteRecordsRequest partition. */
            partition: number;

            /** The first offset that stays. */
            before: Long;

            /**
             * Encodes the specified DeleteRecordsRequest message. Does not implicitly {@link millrace.v1.DeleteRecordsRequest.verify|verify} messages.
             * @param message DeleteRecordsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DeleteRecordsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DeleteRecordsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DeleteRecordsRequest & millrace.v1.DeleteRecordsRequest.$Shape} DeleteRecordsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DeleteRecordsRequest & millrace.v1.DeleteRecordsRequest.$Shape;
        }

        namespace DeleteRecordsRequest {

            /** Properties of a DeleteRecordsRequest. */
            interface $Properties {

                /** DeleteRecordsRequest topic */
                topic?: string;

                /** DeleteRecordsRequest partition */
                partition?: number;

                /** The first offset that stays. */
                before?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DeleteRecordsRequest. */
            type $Shape = millrace.v1.DeleteRecordsRequest.$Properties;
        }

        /**
         * Properties of a DeleteRecordsResponse.
         * @deprecated Use millrace.v1.DeleteRecordsResponse.$Properties instead.
         */
        interface IDeleteRecordsResponse extends millrace.v1.DeleteRecordsResponse.$Properties {
        }

        /** Represents a DeleteRecordsResponse. */
        class DeleteRecordsResponse {

            /**
             * Constructs a new DeleteRecordsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: millrace.v1.DeleteRecordsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** The log start that holds now. */
            logStartOffset: Long;

            /**
             * Encodes the specified DeleteRecordsResponse message. Does not implicitly {@link millrace.v1.DeleteRecordsResponse.verify|verify} messages.
             * @param message DeleteRecordsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: millrace.v1.DeleteRecordsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DeleteRecordsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {millrace.v1.DeleteRecordsResponse & millrace.v1.DeleteRecordsResponse.$Shape} DeleteRecordsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.DeleteRecordsResponse & millrace.v1.DeleteRecordsResponse.$Shape;
        }

        namespace DeleteRecordsResponse {

            /** Properties of a DeleteRecordsResponse. */
            interface $Properties {

                /** The log start that holds now. */
                logStartOffset?: Long;

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DeleteRecordsResponse. */
            type $Shape = millrace.v1.DeleteRecordsResponse.$Properties;
        }
    }
}
