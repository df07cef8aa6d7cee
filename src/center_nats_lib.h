#ifndef SOTTO_SRC_CENTER_NATS_LIB_H
#define SOTTO_SRC_CENTER_NATS_LIB_H
#include <nats/nats.h>
#include <stdbool.h>
/* What we use of libnats. It is not linked but loaded when a center asks for
 * it: it brings OpenSSL with it, which others need not wait for. */
#define NATS_FUNCTIONS                                                         \
	X(jsConsumerConfig_Init)                                               \
	X(jsConsumerInfo_Destroy)                                              \
	X(jsCtx_Destroy)                                                       \
	X(jsOptions_Init)                                                      \
	X(jsStreamConfig_Init)                                                 \
	X(js_AddConsumer)                                                      \
	X(js_AddStream)                                                        \
	X(js_GetLastMsg)                                                       \
	X(js_PurgeStream)                                                      \
	X(natsConnection_Connect)                                              \
	X(natsConnection_Destroy)                                              \
	X(natsConnection_JetStream)                                            \
	X(natsConnection_Publish)                                              \
	X(natsConnection_PublishMsg)                                           \
	X(natsConnection_PublishRequest)                                       \
	X(natsConnection_Status)                                               \
	X(natsConnection_Subscribe)                                            \
	X(natsConnection_SubscribeSync)                                        \
	X(natsInbox_Create)                                                    \
	X(natsInbox_Destroy)                                                   \
	X(natsMsgHeader_Get)                                                   \
	X(natsMsgHeader_Set)                                                   \
	X(natsMsg_Create)                                                      \
	X(natsMsg_Destroy)                                                     \
	X(natsMsg_GetData)                                                     \
	X(natsMsg_GetDataLength)                                               \
	X(natsMsg_GetReply)                                                    \
	X(natsMsg_GetSequence)                                                 \
	X(natsMsg_GetSubject)                                                  \
	X(natsOptions_Create)                                                  \
	X(natsOptions_Destroy)                                                 \
	X(natsOptions_LoadCATrustedCertificates)                               \
	X(natsOptions_LoadCertificatesChain)                                   \
	X(natsOptions_SetClosedCB)                                             \
	X(natsOptions_SetDisconnectedCB)                                       \
	X(natsOptions_SetErrorHandler)                                         \
	X(natsOptions_SetFailRequestsOnDisconnect)                             \
	X(natsOptions_SetMaxPingsOut)                                          \
	X(natsOptions_SetMaxReconnect)                                         \
	X(natsOptions_SetName)                                                 \
	X(natsOptions_SetPingInterval)                                         \
	X(natsOptions_SetReconnectBufSize)                                     \
	X(natsOptions_SetReconnectJitter)                                      \
	X(natsOptions_SetReconnectWait)                                        \
	X(natsOptions_SetReconnectedCB)                                        \
	X(natsOptions_SetSecure)                                               \
	X(natsOptions_SetServers)                                              \
	X(natsOptions_SetTimeout)                                              \
	X(natsOptions_SetUserCredentialsFromFiles)                             \
	X(natsOptions_SetUserInfo)                                             \
	X(natsOptions_SetWriteDeadline)                                        \
	X(natsStatus_GetText)                                                  \
	X(natsSubscription_Destroy)                                            \
	X(natsSubscription_NextMsg)                                            \
	X(natsSubscription_SetOnCompleteCB)                                    \
	X(natsSubscription_SetPendingLimits)                                   \
	X(nats_GetLastError)

struct nats_lib {
#define X(name) __typeof__(&name) name;
	NATS_FUNCTIONS
#undef X
};

/* False: it is not installed, or another version. */
bool nats_lib_load(struct nats_lib *l);
#endif
