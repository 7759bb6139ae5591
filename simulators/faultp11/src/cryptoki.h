// cryptoki.h: what this module uses of PKCS#11 v2.40 (OASIS, pkcs11-base-v2.40):
// types, the function list made from functions.h, and a few constants. Pointers
// that the module only passes on are void pointers.
#ifndef FAULTP11_CRYPTOKI_H
#define FAULTP11_CRYPTOKI_H

#include "functions.h"

typedef unsigned char CK_BYTE, CK_BBOOL, CK_UTF8CHAR;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV, CK_FLAGS, CK_SLOT_ID, CK_SESSION_HANDLE, CK_OBJECT_HANDLE;
typedef CK_ULONG CK_MECHANISM_TYPE, CK_USER_TYPE, CK_NOTIFICATION;

typedef struct {
	CK_BYTE major, minor;
} CK_VERSION;

typedef struct {
	CK_ULONG type;
	void *pValue;
	CK_ULONG ulValueLen;
} CK_ATTRIBUTE;

typedef struct {
	CK_UTF8CHAR slotDescription[64];
	CK_UTF8CHAR manufacturerID[32];
	CK_FLAGS flags;
	CK_VERSION hardwareVersion, firmwareVersion;
} CK_SLOT_INFO;

typedef struct {
	CK_UTF8CHAR label[32];
	CK_UTF8CHAR manufacturerID[32];
	CK_UTF8CHAR model[16];
	CK_UTF8CHAR serialNumber[16];
	CK_FLAGS flags;
	CK_ULONG ulMaxSessionCount, ulSessionCount, ulMaxRwSessionCount, ulRwSessionCount;
	CK_ULONG ulMaxPinLen, ulMinPinLen;
	CK_ULONG ulTotalPublicMemory, ulFreePublicMemory, ulTotalPrivateMemory, ulFreePrivateMemory;
	CK_VERSION hardwareVersion, firmwareVersion;
	CK_UTF8CHAR utcTime[16];
} CK_TOKEN_INFO;

typedef CK_RV (*CK_NOTIFY)(CK_SESSION_HANDLE session, CK_NOTIFICATION event, void *application);

typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST;
struct CK_FUNCTION_LIST {
	CK_VERSION version;
#define FUNCTION(name, parameters, arguments, ...) CK_RV(*name) parameters;
	FUNCTIONS
#undef FUNCTION
};

// One number per function: function_C_Sign and so on.
enum function {
#define FUNCTION(name, parameters, arguments, ...) function_##name,
	FUNCTIONS
#undef FUNCTION
	function_count
};

#define CK_TRUE 1
#define CK_INVALID_HANDLE 0UL
#define CK_UNAVAILABLE_INFORMATION (~0UL)
#define CKF_SERIAL_SESSION 0x4UL
#define CKF_TOKEN_PRESENT 0x1UL
#define CKA_CLASS 0x0UL
#define CKA_TOKEN 0x1UL
#define CKA_KEY_TYPE 0x100UL

#define CKO_DATA 0x0UL
#define CKO_CERTIFICATE 0x1UL
#define CKO_PUBLIC_KEY 0x2UL
#define CKO_PRIVATE_KEY 0x3UL
#define CKO_SECRET_KEY 0x4UL
#define CKO_HW_FEATURE 0x5UL
#define CKO_DOMAIN_PARAMETERS 0x6UL

#define CKK_RSA 0x0UL
#define CKK_DSA 0x1UL
#define CKK_DH 0x2UL
#define CKK_EC 0x3UL
#define CKK_GENERIC_SECRET 0x10UL
#define CKK_DES2 0x14UL
#define CKK_DES3 0x15UL
#define CKK_AES 0x1FUL
#define CKK_EC_EDWARDS 0x40UL
#define CKK_EC_MONTGOMERY 0x41UL

#define CKR_OK 0x0UL
#define CKR_GENERAL_ERROR 0x5UL
#define CKR_ARGUMENTS_BAD 0x7UL
#define CKR_DEVICE_REMOVED 0x32UL
#define CKR_KEY_HANDLE_INVALID 0x60UL
#define CKR_OBJECT_HANDLE_INVALID 0x82UL
#define CKR_SESSION_COUNT 0xB1UL
#define CKR_SESSION_HANDLE_INVALID 0xB3UL
#define CKR_TOKEN_NOT_PRESENT 0xE0UL
#define CKR_BUFFER_TOO_SMALL 0x150UL

#endif
