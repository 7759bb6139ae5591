#include "supplement.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef gh_ulong rv_t;

// Return values made here.
enum { OK = 0, HOST_MEMORY = 2, GENERAL_ERROR = 5, ARGUMENTS_BAD = 7, FUNCTION_NOT_SUPPORTED = 0x54 };
enum { USER = 1 };

typedef struct { gh_ulong type; void *value; gh_ulong len; } attribute;
typedef struct { gh_ulong type; void *parameter; gh_ulong len; } mechanism;
typedef struct { gh_ulong bits; gh_byte block[16]; } ctr_params;
typedef struct { gh_byte *iv; gh_ulong ivlen, ivbits; gh_byte *aad; gh_ulong aadlen, tagbits; } gcm_params;
typedef struct { gh_ulong datalen; gh_byte *nonce; gh_ulong noncelen; gh_byte *aad; gh_ulong aadlen, maclen; } ccm_params;
typedef struct { gh_ulong hash, mgf, source; void *data; gh_ulong datalen; } oaep_params;
typedef struct { gh_ulong hash, mgf, saltlen; } pss_params;
typedef struct { gh_ulong kdf, sharedlen; gh_byte *shared; gh_ulong publiclen; gh_byte *public; } ecdh_params;
typedef struct { gh_byte *data; gh_ulong len; } string_params;
typedef struct { gh_byte iv[16]; gh_byte *data; gh_ulong len; } cbc16_params;
typedef struct { gh_byte iv[8]; gh_byte *data; gh_ulong len; } cbc8_params;
typedef struct {
	gh_byte extract, expand;
	gh_ulong hash, salttype;
	gh_byte *salt;
	gh_ulong saltlen, saltkey;
	gh_byte *info;
	gh_ulong infolen;
} hkdf_params;

// CK_FUNCTION_LIST up to C_DeriveKey (PKCS#11 v2.40, 5.3): the order is the standard's.
typedef rv_t init_fn(gh_ulong session, mechanism *m, gh_ulong key);
typedef rv_t step_fn(gh_ulong session, gh_byte *in, gh_ulong inlen, gh_byte *out, gh_ulong *outlen);
typedef void unused_fn(void);
typedef struct {
	struct { gh_byte major, minor; } version;
	unused_fn *Initialize, *Finalize, *GetInfo, *GetFunctionList;
	rv_t (*GetSlotList)(gh_byte present, gh_ulong *list, gh_ulong *count);
	unused_fn *GetSlotInfo, *GetTokenInfo;
	rv_t (*GetMechanismList)(gh_ulong slot, gh_ulong *list, gh_ulong *count);
	unused_fn *GetMechanismInfo, *InitToken, *InitPIN, *SetPIN;
	unused_fn *OpenSession, *CloseSession, *CloseAllSessions, *GetSessionInfo, *GetOperationState, *SetOperationState;
	rv_t (*Login)(gh_ulong session, gh_ulong user, gh_byte *pin, gh_ulong pinlen);
	unused_fn *Logout;
	rv_t (*CreateObject)(gh_ulong session, attribute *template, gh_ulong n, gh_ulong *object);
	unused_fn *CopyObject;
	rv_t (*DestroyObject)(gh_ulong session, gh_ulong object);
	unused_fn *GetObjectSize;
	rv_t (*GetAttributeValue)(gh_ulong session, gh_ulong object, attribute *template, gh_ulong n);
	rv_t (*SetAttributeValue)(gh_ulong session, gh_ulong object, attribute *template, gh_ulong n);
	rv_t (*FindObjectsInit)(gh_ulong session, attribute *template, gh_ulong n);
	rv_t (*FindObjects)(gh_ulong session, gh_ulong *objects, gh_ulong max, gh_ulong *count);
	rv_t (*FindObjectsFinal)(gh_ulong session);
	init_fn *EncryptInit;
	step_fn *Encrypt;
	unused_fn *EncryptUpdate, *EncryptFinal;
	init_fn *DecryptInit;
	step_fn *Decrypt;
	unused_fn *DecryptUpdate, *DecryptFinal;
	unused_fn *DigestInit, *Digest, *DigestUpdate, *DigestKey, *DigestFinal;
	init_fn *SignInit;
	step_fn *Sign;
	unused_fn *SignUpdate, *SignFinal, *SignRecoverInit, *SignRecover;
	init_fn *VerifyInit;
	rv_t (*Verify)(gh_ulong session, gh_byte *in, gh_ulong inlen, gh_byte *signature, gh_ulong siglen);
	unused_fn *VerifyUpdate, *VerifyFinal, *VerifyRecoverInit, *VerifyRecover;
	unused_fn *DigestEncryptUpdate, *DecryptDigestUpdate, *SignEncryptUpdate, *DecryptVerifyUpdate;
	unused_fn *GenerateKey, *GenerateKeyPair;
	rv_t (*WrapKey)(gh_ulong session, mechanism *m, gh_ulong key, gh_ulong subject, gh_byte *out, gh_ulong *outlen);
	rv_t (*UnwrapKey)(gh_ulong session, mechanism *m, gh_ulong key, gh_byte *in, gh_ulong inlen, attribute *template, gh_ulong n, gh_ulong *made);
	rv_t (*DeriveKey)(gh_ulong session, mechanism *m, gh_ulong key, attribute *template, gh_ulong n, gh_ulong *made);
} functions;

struct gh_library { functions *f; };

gh_library *gh_open(const char *path, char *why, gh_ulong whylen)
{
	rv_t (*list)(functions **) = NULL;
	gh_library *l = NULL;
	void *handle = dlopen(path, RTLD_LAZY);
	if (handle == NULL) {
		const char *e = dlerror();
		snprintf(why, whylen, "%s", e != NULL ? e : "unknown reason");
		return NULL;
	}
	*(void **)&list = dlsym(handle, "C_GetFunctionList");
	l = calloc(1, sizeof *l);
	if (list == NULL || l == NULL || list(&l->f) != OK || l->f == NULL) {
		snprintf(why, whylen, "%s", list == NULL ? "it has no C_GetFunctionList" : "C_GetFunctionList failed");
		free(l);
		dlclose(handle);
		return NULL;
	}
	return l; // never closed: threads that a library started may outlive its use
}

gh_outcome gh_slots(const gh_library *l, int present, gh_ulong *out, gh_ulong cap)
{
	gh_outcome o = {.len = cap};
	o.rv = l->f->GetSlotList(present != 0, out, &o.len);
	return o;
}

gh_outcome gh_mechanisms(const gh_library *l, gh_ulong slot, gh_ulong *out, gh_ulong cap)
{
	gh_outcome o = {.len = cap};
	o.rv = l->f->GetMechanismList(slot, out, &o.len);
	return o;
}

gh_ulong gh_login(const gh_library *l, gh_ulong session, gh_byte *pin, gh_ulong pinlen)
{
	return l->f->Login(session, USER, pin, pinlen);
}

// lay points attributes at their values in the block.
static int lay(attribute *a, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block)
{
	if (n > GH_MAX_ATTRIBUTES)
		return 0;
	for (gh_ulong i = 0; i < n; i++) {
		a[i].type = types[i];
		a[i].len = lens[i];
		a[i].value = lens[i] != 0 ? block : NULL;
		block += lens[i];
	}
	return 1;
}

gh_ulong gh_find_init(const gh_library *l, gh_ulong session, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block)
{
	attribute a[GH_MAX_ATTRIBUTES];
	if (!lay(a, n, types, lens, block))
		return ARGUMENTS_BAD;
	return l->f->FindObjectsInit(session, n != 0 ? a : NULL, n);
}

gh_outcome gh_find(const gh_library *l, gh_ulong session, gh_ulong *out, gh_ulong cap)
{
	gh_outcome o = {0};
	o.rv = l->f->FindObjects(session, out, cap, &o.len);
	return o;
}

gh_ulong gh_find_final(const gh_library *l, gh_ulong session)
{
	return l->f->FindObjectsFinal(session);
}

gh_ulong gh_get(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types, gh_ulong *lens, gh_byte *block)
{
	attribute a[GH_MAX_ATTRIBUTES];
	rv_t rv;
	if (!lay(a, n, types, lens, block))
		return ARGUMENTS_BAD;
	rv = l->f->GetAttributeValue(session, object, a, n);
	for (gh_ulong i = 0; i < n; i++)
		lens[i] = a[i].len;
	return rv;
}

gh_ulong gh_size(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong type, gh_ulong *len)
{
	attribute a = {.type = type};
	rv_t rv = l->f->GetAttributeValue(session, object, &a, 1);
	*len = a.len;
	return rv;
}

// agree reports whether n attributes of an object are what is expected.
static int agree(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types, const gh_ulong *lens,
	const gh_byte *block, gh_ulong *rv)
{
	gh_byte read[GH_MAX_PROOF];
	attribute a[GH_MAX_ATTRIBUTES];
	gh_ulong size = 0;
	for (gh_ulong i = 0; i < n; i++)
		size += lens[i];
	if (size > sizeof read || !lay(a, n, types, lens, read)) {
		*rv = ARGUMENTS_BAD;
		return 0;
	}
	*rv = l->f->GetAttributeValue(session, object, a, n);
	if (*rv != OK)
		return 0;
	for (gh_ulong i = 0; i < n; i++)
		if (a[i].len != lens[i])
			return 0;
	return memcmp(read, block, size) == 0;
}

gh_outcome gh_same(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types, const gh_ulong *lens,
	const gh_byte *block)
{
	gh_outcome o = {0};
	o.begun = agree(l, session, object, n, types, lens, block, &o.rv);
	// Some libraries do not answer for several attributes at once, or not for all.
	for (gh_ulong i = 0; !o.begun && i < n; i++) {
		if (!agree(l, session, object, 1, &types[i], &lens[i], block, &o.rv))
			return o;
		block += lens[i];
		if (i == n - 1)
			o.begun = 1;
	}
	return o;
}

gh_outcome gh_destroy_same(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types,
	const gh_ulong *lens, const gh_byte *block)
{
	gh_outcome o = gh_same(l, session, object, n, types, lens, block);
	if (o.begun)
		o.rv = l->f->DestroyObject(session, object);
	return o;
}

gh_outcome gh_set_same(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types,
	const gh_ulong *lens, const gh_byte *block, gh_ulong newn, const gh_ulong *newtypes, const gh_ulong *newlens, gh_byte *newblock)
{
	attribute a[GH_MAX_ATTRIBUTES];
	gh_outcome o = {0};
	if (!lay(a, newn, newtypes, newlens, newblock)) {
		o.rv = ARGUMENTS_BAD;
		return o;
	}
	o = gh_same(l, session, object, n, types, lens, block);
	if (o.begun)
		o.rv = l->f->SetAttributeValue(session, object, a, newn);
	return o;
}

gh_outcome gh_create(const gh_library *l, gh_ulong session, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block)
{
	attribute a[GH_MAX_ATTRIBUTES];
	gh_outcome o = {0};
	if (!lay(a, n, types, lens, block)) {
		o.rv = ARGUMENTS_BAD;
		return o;
	}
	o.rv = l->f->CreateObject(session, a, n, &o.len);
	return o;
}

gh_outcome gh_again(const gh_library *l, int kind, gh_ulong session, gh_byte *in, gh_ulong inlen, gh_byte *out, gh_ulong cap)
{
	gh_outcome o = {.len = cap, .begun = 1};
	gh_byte none = 0; // some libraries refuse NULL even for no bytes
	if (in == NULL)
		in = &none;
	switch (kind) {
	case GH_SIGN:
		o.rv = l->f->Sign(session, in, inlen, out, &o.len);
		break;
	case GH_VERIFY:
		o.rv = l->f->Verify(session, in, inlen, out, cap);
		break;
	case GH_ENCRYPT:
		o.rv = l->f->Encrypt(session, in, inlen, out, &o.len);
		break;
	case GH_DECRYPT:
		o.rv = l->f->Decrypt(session, in, inlen, out, &o.len);
		break;
	default:
		o.rv = ARGUMENTS_BAD;
	}
	return o;
}

// A mechanism with its parameter.
typedef struct {
	mechanism mech;
	union {
		ctr_params ctr;
		gcm_params gcm;
		ccm_params ccm;
		oaep_params oaep;
		pss_params pss;
		ecdh_params ecdh;
		string_params string;
		cbc16_params cbc16;
		cbc8_params cbc8;
		hkdf_params hkdf;
	} u;
} built;

// build returns 0 for parameters of a length that the shape has not.
static int build(built *b, gh_mechanism m, gh_byte *p, gh_ulong plen, gh_byte *q, gh_ulong qlen)
{
	memset(b, 0, sizeof *b);
	b->mech.type = m.type;
	b->mech.parameter = &b->u;
	switch (m.shape) {
	case GH_PLAIN:
		b->mech.parameter = p;
		b->mech.len = plen;
		return 1;
	case GH_CTR:
		if (plen != sizeof b->u.ctr.block)
			return 0;
		b->u.ctr.bits = m.a;
		memcpy(b->u.ctr.block, p, sizeof b->u.ctr.block);
		b->mech.len = sizeof b->u.ctr;
		return 1;
	case GH_GCM:
		b->u.gcm = (gcm_params){p, plen, plen * 8, q, qlen, m.a};
		b->mech.len = sizeof b->u.gcm;
		return 1;
	case GH_CCM:
		b->u.ccm = (ccm_params){m.b, p, plen, q, qlen, m.a};
		b->mech.len = sizeof b->u.ccm;
		return 1;
	case GH_OAEP:
		b->u.oaep = (oaep_params){m.a, m.b, 1, p, plen}; // CKZ_DATA_SPECIFIED
		b->mech.len = sizeof b->u.oaep;
		return 1;
	case GH_PSS:
		b->u.pss = (pss_params){m.a, m.b, m.c};
		b->mech.len = sizeof b->u.pss;
		return 1;
	case GH_ECDH:
		b->u.ecdh = (ecdh_params){.kdf = 1, .publiclen = plen, .public = p}; // CKD_NULL
		b->mech.len = sizeof b->u.ecdh;
		return 1;
	case GH_DATA:
		b->u.string = (string_params){p, plen};
		b->mech.len = sizeof b->u.string;
		return 1;
	case GH_CBC_DATA:
		if (qlen == sizeof b->u.cbc16.iv) {
			memcpy(b->u.cbc16.iv, q, qlen);
			b->u.cbc16.data = p;
			b->u.cbc16.len = plen;
			b->mech.len = sizeof b->u.cbc16;
			return 1;
		}
		if (qlen != sizeof b->u.cbc8.iv)
			return 0;
		memcpy(b->u.cbc8.iv, q, qlen);
		b->u.cbc8.data = p;
		b->u.cbc8.len = plen;
		b->mech.len = sizeof b->u.cbc8;
		return 1;
	case GH_HKDF: // CKF_HKDF_SALT_NULL is 1, CKF_HKDF_SALT_DATA 2
		b->u.hkdf = (hkdf_params){.extract = 1, .expand = 1, .hash = m.a, .salttype = qlen != 0 ? 2 : 1,
			.salt = q, .saltlen = qlen, .info = p, .infolen = plen};
		b->mech.len = sizeof b->u.hkdf;
		return 1;
	}
	return 0;
}

gh_outcome gh_wrap(const gh_library *l, gh_ulong session, gh_ulong key, gh_ulong subject, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_byte *out, gh_ulong cap)
{
	gh_outcome o = {.len = cap};
	built b;

	if (!build(&b, m, p, plen, q, qlen))
		o.rv = ARGUMENTS_BAD;
	else if (l->f->WrapKey == NULL)
		o.rv = FUNCTION_NOT_SUPPORTED;
	else
		o.rv = l->f->WrapKey(session, &b.mech, key, subject, out, &o.len);
	return o;
}

gh_outcome gh_unwrap(const gh_library *l, gh_ulong session, gh_ulong key, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_byte *in, gh_ulong inlen, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block)
{
	attribute a[GH_MAX_ATTRIBUTES];
	gh_outcome o = {0};
	built b;

	if (!lay(a, n, types, lens, block) || !build(&b, m, p, plen, q, qlen))
		o.rv = ARGUMENTS_BAD;
	else if (l->f->UnwrapKey == NULL)
		o.rv = FUNCTION_NOT_SUPPORTED;
	else
		o.rv = l->f->UnwrapKey(session, &b.mech, key, in, inlen, a, n, &o.len);
	return o;
}

gh_outcome gh_derive(const gh_library *l, gh_ulong session, gh_ulong key, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block)
{
	attribute a[GH_MAX_ATTRIBUTES];
	gh_outcome o = {0};
	built b;

	if (!lay(a, n, types, lens, block) || !build(&b, m, p, plen, q, qlen))
		o.rv = ARGUMENTS_BAD;
	else if (l->f->DeriveKey == NULL)
		o.rv = FUNCTION_NOT_SUPPORTED;
	else
		o.rv = l->f->DeriveKey(session, &b.mech, key, a, n, &o.len);
	return o;
}

gh_outcome gh_run(const gh_library *l, int kind, gh_ulong session, gh_ulong key, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_byte *in, gh_ulong inlen, gh_byte *out, gh_ulong cap)
{
	init_fn *const inits[] = {l->f->SignInit, l->f->VerifyInit, l->f->EncryptInit, l->f->DecryptInit};
	gh_outcome o = {0};
	built b;

	if (kind < 0 || kind > GH_DECRYPT || !build(&b, m, p, plen, q, qlen)) {
		o.rv = ARGUMENTS_BAD;
		return o;
	}
	if (inits[kind] == NULL) {
		o.rv = FUNCTION_NOT_SUPPORTED;
		return o;
	}
	o.rv = inits[kind](session, &b.mech, key);
	if (o.rv != OK)
		return o;
	return gh_again(l, kind, session, in, inlen, out, cap);
}

gh_ulong gh_run_all(const gh_library *l, gh_ulong session, gh_ulong n, gh_task *tasks, gh_byte *in, gh_byte *out,
	gh_ulong asked, gh_question *questions, const gh_byte *values)
{
	gh_ulong done = 0;

	for (; done < n; done++) {
		gh_task *t = &tasks[done];
		gh_byte *p = in, *q = p + t->plen, *input = q + t->qlen;

		t->told = gh_run(l, t->kind, session, t->key, t->m, t->plen != 0 ? p : NULL, t->plen, t->qlen != 0 ? q : NULL, t->qlen,
			t->inlen != 0 ? input : NULL, t->inlen, t->room != 0 ? out : NULL, t->room);
		if (t->told.rv != OK || t->told.len > t->room)
			return done;
		in = input + t->inlen;
		out += t->room;
	}
	for (gh_question *q = questions; q < questions + asked; q++) {
		q->same = gh_same(l, session, q->object, q->n, q->types, q->lens, values).begun;
		for (gh_ulong i = 0; i < q->n; i++)
			values += q->lens[i];
	}
	return done;
}
