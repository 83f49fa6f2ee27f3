/* Written by microsip_core.c_api.generate: do not edit. */
/** \file Error codes of microsip: what its functions return when it is below zero. */
#ifndef MICROSIP_ERROR_H
#define MICROSIP_ERROR_H

#define SIP_OK 0 /**< success */
#define SIP_ERROR (-1) /**< unspecified error */
#define SIP_EINVAL (-2) /**< invalid argument */
#define SIP_ENOTINIT (-3) /**< engine not initialised: call sip_init first */
#define SIP_EALREADY (-4) /**< already done or in progress */
#define SIP_ENOMEM (-5) /**< out of memory */
#define SIP_ENOACCOUNT (-6) /**< no such account */
#define SIP_ENOCALL (-7) /**< no such call */
#define SIP_EBUSY (-8) /**< busy */
#define SIP_ESTATE (-9) /**< not possible in this state */
#define SIP_ENOTSUP (-10) /**< not supported */
#define SIP_ETIMEOUT (-11) /**< timed out */
#define SIP_ENETWORK (-12) /**< network error */
#define SIP_EDNS (-13) /**< name could not be resolved */
#define SIP_ETLS (-14) /**< TLS error */
#define SIP_EAUTH (-15) /**< authentication failed */
#define SIP_EMEDIA (-16) /**< media error */
#define SIP_ECODEC (-17) /**< no common or no such codec */
#define SIP_EDEVICE (-18) /**< audio device error */
#define SIP_EPARSE (-19) /**< malformed message or value */
#define SIP_ECONFIG (-20) /**< bad configuration */
#define SIP_EPERM (-21) /**< not permitted */
#define SIP_ELIMIT (-22) /**< limit exceeded */
#define SIP_EIO (-23) /**< file could not be read or written */
#define SIP_ECANCELED (-24) /**< canceled */

/** A peer's refusal: 486 Busy Here is -1486. */
#define SIP_REFUSED(status) (-(1000 + (status)))
/** The SIP status of a refusal, 0 when the code is none. */
#define SIP_REFUSAL_STATUS(code) ((code) <= -1300 && (code) > -1700 ? -(code) - 1000 : 0)

#endif
