// functions.h: the 68 functions of PKCS#11 v2.40, in the order of
// CK_FUNCTION_LIST. Each row is
//
//	FUNCTION(name, (parameters), (arguments), description)
//
// where the description says what the parameters are to this module (wrap.h):
// SLOT, SESSION, KEY and OBJECT for handles that go in, MADE for one that comes
// out, BYTES for an output buffer with its length, LIST for an array of numbers
// with its count, TEMPLATE for attributes that are read, RESULT for a struct or a
// handle of another kind.
#ifndef FAULTP11_FUNCTIONS_H
#define FAULTP11_FUNCTIONS_H

// clang-format off
#define FUNCTIONS \
FUNCTION(C_Initialize, (void *args), (args), ) \
FUNCTION(C_Finalize, (void *reserved), (reserved), ) \
FUNCTION(C_GetInfo, (void *info), (info), ) \
FUNCTION(C_GetFunctionList, (CK_FUNCTION_LIST **list), (list), RESULT(list)) \
FUNCTION(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count), (present, slots, count), PRESENT(present) LIST(slots, count)) \
FUNCTION(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info), (slot, info), SLOT RESULT(info)) \
FUNCTION(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info), SLOT RESULT(info)) \
FUNCTION(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count), (slot, list, count), SLOT LIST(list, count)) \
FUNCTION(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, void *info), (slot, type, info), SLOT) \
FUNCTION(C_InitToken, (CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG n, CK_UTF8CHAR *label), (slot, pin, n, label), SLOT) \
FUNCTION(C_InitPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG n), (session, pin, n), SESSION) \
FUNCTION(C_SetPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR *old, CK_ULONG o, CK_UTF8CHAR *pin, CK_ULONG n), (session, old, o, pin, n), SESSION) \
FUNCTION(C_OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *opened), (slot, flags, application, notify, opened), SLOT RESULT(opened)) \
FUNCTION(C_CloseSession, (CK_SESSION_HANDLE session), (session), SESSION) \
FUNCTION(C_CloseAllSessions, (CK_SLOT_ID slot), (slot), SLOT) \
FUNCTION(C_GetSessionInfo, (CK_SESSION_HANDLE session, void *info), (session, info), SESSION) \
FUNCTION(C_GetOperationState, (CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *n), (session, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_SetOperationState, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG n, CK_OBJECT_HANDLE key1, CK_OBJECT_HANDLE key2), (session, in, n, key1, key2), SESSION KEY(key1) KEY2(key2)) \
FUNCTION(C_Login, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG n), (session, user, pin, n), SESSION) \
FUNCTION(C_Logout, (CK_SESSION_HANDLE session), (session), SESSION) \
FUNCTION(C_CreateObject, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *made), (session, t, n, made), SESSION MADE(made)) \
FUNCTION(C_CopyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *made), (session, object, t, n, made), SESSION OBJECT(object) MADE(made)) \
FUNCTION(C_DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object), (session, object), SESSION OBJECT(object)) \
FUNCTION(C_GetObjectSize, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *size), (session, object, size), SESSION OBJECT(object)) \
FUNCTION(C_GetAttributeValue, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG n), (session, object, t, n), SESSION OBJECT(object) TEMPLATE(t, n)) \
FUNCTION(C_SetAttributeValue, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG n), (session, object, t, n), SESSION OBJECT(object)) \
FUNCTION(C_FindObjectsInit, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *t, CK_ULONG n), (session, t, n), SESSION) \
FUNCTION(C_FindObjects, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count), (session, found, max, count), SESSION FOUND(found, count, max)) \
FUNCTION(C_FindObjectsFinal, (CK_SESSION_HANDLE session), (session), SESSION) \
FUNCTION(C_EncryptInit, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key), SESSION KEY(key)) \
FUNCTION(C_Encrypt, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_EncryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_EncryptFinal, (CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *n), (session, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DecryptInit, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key), SESSION KEY(key)) \
FUNCTION(C_Decrypt, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DecryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DecryptFinal, (CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *n), (session, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DigestInit, (CK_SESSION_HANDLE session, void *mechanism), (session, mechanism), SESSION) \
FUNCTION(C_Digest, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DigestUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i), (session, in, i), SESSION) \
FUNCTION(C_DigestKey, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key), (session, key), SESSION KEY(key)) \
FUNCTION(C_DigestFinal, (CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *n), (session, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_SignInit, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key), SESSION KEY(key)) \
FUNCTION(C_Sign, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_SignUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i), (session, in, i), SESSION) \
FUNCTION(C_SignFinal, (CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *n), (session, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_SignRecoverInit, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key), SESSION KEY(key)) \
FUNCTION(C_SignRecover, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_VerifyInit, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key), SESSION KEY(key)) \
FUNCTION(C_Verify, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *signature, CK_ULONG n), (session, in, i, signature, n), SESSION) \
FUNCTION(C_VerifyUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i), (session, in, i), SESSION) \
FUNCTION(C_VerifyFinal, (CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG n), (session, signature, n), SESSION) \
FUNCTION(C_VerifyRecoverInit, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key), SESSION KEY(key)) \
FUNCTION(C_VerifyRecover, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DigestEncryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DecryptDigestUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_SignEncryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_DecryptVerifyUpdate, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i, CK_BYTE *out, CK_ULONG *n), (session, in, i, out, n), SESSION BYTES(out, n)) \
FUNCTION(C_GenerateKey, (CK_SESSION_HANDLE session, void *mechanism, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *made), (session, mechanism, t, n, made), SESSION MADE(made)) \
FUNCTION(C_GenerateKeyPair, (CK_SESSION_HANDLE session, void *mechanism, CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE *u, CK_ULONG m, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private), (session, mechanism, t, n, u, m, public, private), SESSION MADE(public) MADE2(private)) \
FUNCTION(C_WrapKey, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *n), (session, mechanism, by, key, out, n), SESSION KEY(by) KEY2(key) BYTES(out, n)) \
FUNCTION(C_UnwrapKey, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE by, CK_BYTE *in, CK_ULONG i, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *made), (session, mechanism, by, in, i, t, n, made), SESSION KEY(by) MADE(made)) \
FUNCTION(C_DeriveKey, (CK_SESSION_HANDLE session, void *mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *made), (session, mechanism, base, t, n, made), SESSION KEY(base) MADE(made)) \
FUNCTION(C_SeedRandom, (CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG i), (session, in, i), SESSION) \
FUNCTION(C_GenerateRandom, (CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG n), (session, out, n), SESSION BYTES(out, &n)) \
FUNCTION(C_GetFunctionStatus, (CK_SESSION_HANDLE session), (session), SESSION) \
FUNCTION(C_CancelFunction, (CK_SESSION_HANDLE session), (session), SESSION) \
FUNCTION(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved), (flags, slot, reserved), )
// clang-format on

#endif
